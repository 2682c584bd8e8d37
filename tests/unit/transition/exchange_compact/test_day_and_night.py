"""The figures in the page of examples/05-day-and-night are those of the strategy."""

import csv
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from heddle.benchmarks.day_and_night import SERVICES, day_and_night
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.command import Action
from heddle.transition.action_times import find_times
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest

EXAMPLE = Path(__file__).parents[4] / "examples" / "05-day-and-night"


def row_of(name: str) -> list[str]:
    lines = (EXAMPLE / "README.md").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


@pytest.mark.parametrize("name", ["day to night", "night to day"])
@pytest.mark.parametrize("spare_gpus", [None, 8], ids=["few spares", "the testbed's spares"])
def test_the_page_counts_the_actions(name: str, spare_gpus: int | None) -> None:
    day, night = day_and_night()
    origin, wanted = (day, night) if name == "day to night" else (night, day)
    times, type_of = find_times("kubernetes"), builtin_catalogue().get
    request = TransitionRequest(origin, wanted, type_of, times, spare_gpus)
    transition = plan_transition(request, "exchange_compact")
    moves = transition.num_moves
    cut = {step.gpu for step in transition.steps if step.action is Action.CREATE}
    counts = [transition.count(Action.START) - moves, transition.count(Action.STOP) - moves]
    counts += [moves, len(cut)]
    assert row_of(name) == [*map(str, counts), f"{transition.makespan_s:.0f} s"]


def test_the_day_goes_from_the_rates_of_the_night_to_those_of_the_day_and_back_twice() -> None:
    rates: dict[str, list[float]] = defaultdict(list)
    text = (EXAMPLE / "day.csv").read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader(line for line in text if not line.startswith("#")):
        assert row["time"] == f"{len(rates[row['service']]):02d}:00"
        rates[row["service"]].append(float(row["rate_rps"]))
    assert rates.keys() == SERVICES.keys()
    for service, (_, day, night) in SERVICES.items():
        of_day = rates[service]
        assert len(of_day) == 24
        assert (of_day[4], of_day[11], of_day[20]) == (night, day, day)
        assert min(of_day) == night
        assert max(of_day) == day
        rises = [later > earlier for earlier, later in pairwise([*of_day, of_day[0]])]
        assert sum(now != before for before, now in pairwise([*rises, rises[0]])) == 4
