"""The benchmark's pair is the one of the example."""

from pathlib import Path

import pytest

from heddle.benchmarks.day_and_night import SERVICES, day_and_night
from heddle.workload.files import load_workload

EXAMPLE = Path(__file__).parents[3] / "examples" / "05-day-and-night"


@pytest.mark.parametrize(("name", "column"), [("day", 1), ("night", 2)])
def test_the_services_are_those_of_the_example(name: str, column: int) -> None:
    workload = load_workload(EXAMPLE / f"{name}.yaml")
    found = {s.name: (s.model, s.latency_ms, s.rate_rps) for s in workload.services}
    assert found == {
        service: (service, figures[0], figures[column]) for service, figures in SERVICES.items()
    }


def test_the_plans_have_the_papers_numbers_of_gpus() -> None:
    day, night = day_and_night()
    assert (day.num_gpus, night.num_gpus) == (16, 5)
