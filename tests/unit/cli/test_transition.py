"""What ``heddle transition`` makes of its arguments, and what it says and draws of a plan."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from command_line import EXAMPLES
from heddle.cli.main import main
from heddle.cli.transition import fraction
from heddle.cli.transition_chart import gantt_chart
from heddle.cli.transition_inventory import with_inventory
from heddle.cli.transition_text import transition_report
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu import Gpu
from heddle.drawing.gantt_chart import GanttBar, ServingBand, Slots
from heddle.errors import InputError
from heddle.transition.action_times import find_times
from heddle.transition.request import TransitionRequest
from heddle.transition.schedule import critical_path, earliest, makespan_s
from heddle.transition.transition import Floor, Transition
from heddle.workload.fleet import GpuPool
from transition_cases import (
    CATALOGUE,
    StepList,
    deployment,
    instance,
    random_transition,
    transition_of,
)

A100 = builtin_catalogue().get("A100-40GB")


def moved_and_restarted() -> Transition:
    """Return two GPUs: bee gets a larger batch, then ant is helped out on a spare one."""
    ant, bee, cow = (instance("3g.20gb", 4, "ant"), instance("2g.10gb", 0, "bee"), COW)
    larger = bee._replace(batch=8, rate_rps=150.0)
    origin = deployment({"ant": 80, "bee": 0.5, "cow": 90}, {"gpu-0": [bee, ant], "gpu-1": [cow]})
    target = deployment(
        {"ant": 70, "bee": 100, "cow": 90}, {"gpu-0": [larger, ant], "gpu-1": [cow]}
    )
    steps = StepList()
    stop = steps.stop("gpu-0", bee)
    restart = steps.start("gpu-0", larger, [stop])
    create = steps.create("gpu-9", ant, [stop])
    start = steps.start("gpu-9", ant, [create])
    away = steps.stop("gpu-9", ant, [start, restart])
    steps.destroy("gpu-9", ant, [away])
    borrowed = [Gpu("gpu-9", "node-1", "A100-40GB")]
    made = transition_of(origin, target, steps.steps, borrowed)
    floors = {"ant": Floor(70, 100), "bee": Floor(0.5, 0.6), "cow": Floor(90, 90)}
    return replace(made, floors=floors, strategy="joint", times="direct")


COW = instance("7g.40gb", 0, "cow")
MOVED = moved_and_restarted()
LATEST_S = makespan_s(MOVED.steps)


def report(transition: Transition = MOVED, bound_s: float = 2.0) -> str:
    return " ".join(transition_report(transition, bound_s).split())


def test_the_report_counts_gpus_instances_and_steps() -> None:
    text = report()
    assert "2 to 2 GPUs in 6 steps, about 5.0 s (joint, action times 'direct')" in text
    assert "GPUs: 2 go on, 0 new, 0 given up, 1 spare used from 1.0 s to 5.0 s (gpu-9)" in text
    assert (
        "instances: 3 before, 3 after; 2 untouched, 1 restarted in place, 0 moved, 1 new, 1 removed"
    ) in text
    assert "steps: 1 create, 1 destroy, 2 start, 2 stop; 1 GPU repartitioned" in text


def test_the_report_spells_out_the_longest_path() -> None:
    assert (
        "longest path: stop bee (gpu-0, 1.0 s) > create 3g.20gb (gpu-9, 1.0 s) > "
        "start ant (1.0 s) > stop ant (1.0 s) > destroy 3g.20gb (1.0 s)"
    ) in report()


def test_a_very_long_path_is_cut_in_its_middle() -> None:
    steps = StepList()
    last: list[int] = []
    for _ in range(6):
        last = [steps.stop("gpu-1", COW, last)]
        last = [steps.start("gpu-1", COW, last)]
    side = deployment({"cow": 1}, {"gpu-1": [COW]})
    path = transition_report(transition_of(side, side, steps.steps), 1.0).split("longest path")[1]
    assert "3 more steps" in path
    assert path.count(" cow ") == 9


def test_the_report_has_every_service_against_its_floor() -> None:
    lines = transition_report(MOVED, 2.0).splitlines()
    assert [line.split() for line in lines if line.startswith(("ant", "bee", "cow"))] == [
        ["ant", "100", "100", "70", "100", "42.9", "%"],
        ["bee", "100", "150", "0.5", "0.6", "20.0", "%"],
        ["cow", "100", "100", "90", "90", "0", "%"],
    ]


def test_with_very_many_services_those_nearest_to_their_floors_are_listed() -> None:
    floors = {f"far-{i}": Floor(10, 20) for i in range(60)} | {"near": Floor(10, 11)}
    lines = transition_report(replace(MOVED, floors=floors), 2.0).splitlines()
    table = [line for line in lines if line.startswith(("far-", "near", "…"))]
    assert table[0].startswith("near")
    assert table[-1] == "… and 21 more"


@pytest.mark.parametrize(
    ("bound_s", "said"),
    [
        (2.0, "no order of steps to this target takes less than 2.0 s"),
        (5.0, "no order of steps to this target takes less"),
        (float("inf"), "no lower bound on the time is known"),
    ],
)
def test_the_report_says_what_no_order_can_beat(bound_s: float, said: str) -> None:
    assert transition_report(MOVED, bound_s).splitlines()[1] == said


def test_without_steps_there_is_nothing_to_do() -> None:
    side = MOVED.origin
    assert "nothing to do" in transition_report(transition_of(side, side, ()), 0.0)


def test_the_chart_has_a_bar_for_every_step_when_it_runs() -> None:
    chart = gantt_chart(MOVED, CATALOGUE.get, "title")
    spans = earliest(MOVED.steps)
    assert [(b.gpu, b.action, b.begin_s, b.end_s) for b in chart.bars] == [
        (s.gpu, s.action, spans[s.id].issued_s, spans[s.id].done_s) for s in MOVED.steps
    ]
    assert [i for i, b in enumerate(chart.bars) if b.is_critical] == critical_path(MOVED.steps)
    assert {bar.slots for bar in chart.bars if bar.gpu == "gpu-9"} == {Slots(4, 4)}
    assert chart.makespan_s == LATEST_S


def test_the_chart_has_a_band_while_an_instance_serves() -> None:
    chart = gantt_chart(MOVED, CATALOGUE.get, "title")
    bands = {(b.gpu, b.service, b.begin_s, b.end_s) for b in chart.bands}
    assert bands == {
        ("gpu-0", "ant", 0.0, 5.0),
        ("gpu-1", "cow", 0.0, 5.0),
        ("gpu-0", "bee", 0.0, 0.0),
        ("gpu-0", "bee", 2.0, 5.0),
        ("gpu-9", "ant", 3.0, 3.0),
    }


def test_the_chart_has_rates_from_before_the_first_step_on() -> None:
    curves = {c.service: c for c in gantt_chart(MOVED, CATALOGUE.get, "title").curves}
    assert [tuple(point) for point in curves["bee"].points] == [(0, 100), (0, 0), (2, 150)]
    assert curves["bee"].floor_rps == 0.5
    assert curves["ant"].least_rps == 100


def test_only_borrowed_gpus_are_spare_in_the_chart() -> None:
    chart = gantt_chart(MOVED, CATALOGUE.get, "title")
    assert [gpu.id for gpu in chart.gpus if gpu.is_spare] == ["gpu-9"]
    assert {gpu.num_slots for gpu in chart.gpus} == {8}


@pytest.mark.parametrize("seed", range(20))
def test_nothing_in_a_chart_lies_on_anything_else(seed: int) -> None:
    transition = random_transition(np.random.default_rng(seed), max_steps=30)
    chart = gantt_chart(transition, CATALOGUE.get, "title")
    things: list[GanttBar | ServingBand] = [*chart.bars, *chart.bands]
    for i, one in enumerate(things):
        for other in things[:i]:
            if one.gpu == other.gpu and is_crossing(one.slots, other.slots):
                latest_begin_s = max(one.begin_s, other.begin_s)
                assert min(one.end_s, other.end_s) <= latest_begin_s, (one, other)


def is_crossing(one: Slots, other: Slots) -> bool:
    return max(one.first, other.first) < min(one.first + one.size, other.first + other.size)


def fleet(count: int | None, per_node: int = 2) -> list[GpuPool]:
    return [GpuPool(A100, count, per_node)]


def request(num_before: int, num_after: int) -> TransitionRequest:
    sides: list[Deployment] = [
        deployment({"cow": 1}, {f"gpu-{number}": [COW] for number in range(count)})
        for count in (num_before, num_after)
    ]
    return TransitionRequest(sides[0], sides[1], CATALOGUE.get, find_times("direct"))


def test_a_fleet_with_a_count_gives_the_gpus_that_run_and_idle_ones() -> None:
    inventory = with_inventory(request(2, 3), fleet(5)).inventory
    assert inventory is not None
    assert [gpu.id for gpu in inventory[:3]] == ["gpu-0", "gpu-1", "gpu-2"]
    assert len({gpu.id for gpu in inventory}) == 5


def test_idle_gpus_fill_the_nodes_that_there_are_and_then_new_ones() -> None:
    inventory = with_inventory(request(1, 3), fleet(5)).inventory
    assert inventory is not None
    nodes = [gpu.node for gpu in inventory]
    assert nodes[:2] == ["node-0", "node-0"]
    assert max(nodes.count(node) for node in nodes) == 2
    assert len(set(nodes)) == 3


def test_a_fleet_without_counts_has_as_many_gpus_as_it_takes() -> None:
    assert with_inventory(request(2, 3), fleet(None)).inventory is None


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ((2, 6), "what is wanted needs 6 GPUs of type A100-40GB; 5 exist in the fleet"),
        ((6, 2), "what runs has 6 GPUs of type A100-40GB; 5 exist in the fleet"),
    ],
)
def test_a_side_with_more_gpus_than_exist_is_refused(sides: tuple[int, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        with_inventory(request(*sides), fleet(5))


def test_a_type_that_the_fleet_lacks_does_not_exist() -> None:
    other = [GpuPool(builtin_catalogue().get("T4-16GB"), 4)]
    with pytest.raises(InputError, match="1 GPU of type A100-40GB; 0 exist"):
        with_inventory(request(1, 1), other)


@pytest.mark.parametrize("word", ["0", "0.05", "1"])
def test_slack_is_a_part_of_one(word: str) -> None:
    assert fraction(word) == float(word)


@pytest.mark.parametrize("word", ["-0.1", "1.5", "5%", "nan", ""])
def test_any_other_slack_is_refused(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="from 0 to 1"):
        fraction(word)


OWN_TYPE = """\
version: 1
gpu_types:
  - name: Twins
    memory_units: 2
    memory_gb: 16
    profiles:
      - {name: half, size: 1, starts: [0, 1]}
"""


def own_deployment(path: Path, gpu_type: str, profile: str, num_instances: int) -> Path:
    """Write a deployment of one GPU with so many instances, from its first start on."""
    instances = [
        {
            "profile": profile,
            "start": start,
            "service": "ant",
            "batch": 1,
            "processes": 1,
            "rate_rps": 100,
            "latency_ms": 5,
        }
        for start in range(num_instances)
    ]
    gpu = {"id": "gpu-0", "node": "node-0", "type": gpu_type, "instances": instances}
    services = {"ant": {"model": "m", "rate_rps": 100, "latency_ms": 50}}
    path.write_text(json.dumps({"version": 1, "services": services, "gpus": [gpu]}))
    return path


def test_types_of_your_own_are_read_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    types = tmp_path / "types.yaml"
    types.write_text(OWN_TYPE)
    before = own_deployment(tmp_path / "before.json", "Twins", "half", 1)
    after = own_deployment(tmp_path / "after.json", "Twins", "half", 2)
    words = ["transition", str(before), str(after)]
    assert main(words) == 2
    refusal = capsys.readouterr().err
    assert "before.json: gpus[0]: unknown GPU type 'Twins'" in refusal
    assert "--gpu-types FILE brings your own" in refusal
    assert main([*words, "--gpu-types", str(types)]) == 0
    assert "1 untouched" in capsys.readouterr().out


def test_an_alias_of_a_type_is_the_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = own_deployment(tmp_path / "before.json", "A800-40GB", "1g.5gb", 1)
    after = own_deployment(tmp_path / "after.json", "A100-40GB", "1g.5gb", 2)
    assert main(["transition", str(before), str(after)]) == 0
    assert "GPUs: 1 go on, 0 new, 0 given up" in capsys.readouterr().out


def test_the_types_of_a_workload_and_of_a_file_may_be_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = EXAMPLES / "04-custom-gpu"
    types, workload = folder / "acme-x1.yaml", folder / "workload.yaml"
    before = tmp_path / "before.json"
    assert main(["plan", str(workload), "-o", str(before)]) == 0
    capsys.readouterr()
    words = ["transition", str(before), "--workload", str(workload), "--gpu-types", str(types)]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("nothing to do")
