"""Plans for what runs: the first deployment, more, less, and refusals by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon_cases import live, planned, served, snapshot
from heddle.cluster.command import Action
from heddle.cluster.snapshot import Snapshot
from heddle.errors import InputError
from heddle.server.plan_message import Question
from heddle.server.planning import answer
from one_machine import TABLE

SERVE = ", serve: {engine: sleep, sleep_ms: 1}"


def workload(folder: Path, *services: str, gpus: str = "{type: CPU-8}", more: str = "") -> Path:
    """Write a workload of services at 500 ms."""
    (folder / "table.csv").write_text(TABLE)
    entries = "".join(f"  - {{latency_ms: 500, {service}}}\n" for service in services)
    path = folder / "workload.yaml"
    path.write_text(
        f"version: 1\ngpus: [{gpus}]\nperformance: [table.csv]\n{more}services:\n{entries}"
    )
    return path


def nap(rate_rps: float, serve: str = SERVE) -> str:
    return f"name: nap, model: nap, rate_rps: {rate_rps}{serve}"


def doze(rate_rps: float) -> str:
    return f"name: doze, model: doze, rate_rps: {rate_rps}{SERVE}"


def asked(path: Path, runs: Snapshot, **rates_rps: float) -> Question:
    return Question(path, runs, {"nap": served()}, rates_rps)


def test_on_an_empty_machine_instances_are_created_and_started(tmp_path: Path) -> None:
    said = answer(asked(workload(tmp_path, nap(80)), snapshot()))
    assert said.transition is not None
    assert {step.action for step in said.transition.steps} == {Action.CREATE, Action.START}
    assert sum(one.rate_rps for _, one in said.transition.target.instances()) >= 80.0
    assert (said.reason, said.replan_every_s) == ("asked", None)
    assert said.transition.target.services["nap"].rate_rps == 80.0
    assert list(said.services) == ["nap"]


def test_what_runs_is_kept_when_it_is_enough(tmp_path: Path) -> None:
    said = answer(asked(workload(tmp_path, nap(80)), snapshot(live(planned("nap")))))
    assert said.transition is not None
    assert said.transition.steps == ()


def test_a_second_service_moves_nothing_of_the_first(tmp_path: Path) -> None:
    said = answer(asked(workload(tmp_path, nap(80), doze(60)), snapshot(live(planned("nap")))))
    assert said.transition is not None
    assert {step.action for step in said.transition.steps} == {Action.CREATE, Action.START}
    started = [step.serving.service for step in said.transition.steps if step.serving]
    assert started == ["doze"]


def test_a_rate_of_nothing_frees_the_instances_of_a_service(tmp_path: Path) -> None:
    path = workload(tmp_path, nap(80))
    said = answer(asked(path, snapshot(live(planned("nap"))), nap=0.0))
    assert said.transition is not None
    assert [step.action for step in said.transition.steps] == [Action.STOP, Action.DESTROY]
    assert list(said.services) == ["nap"], "it is known all the same"


def test_instances_without_traffic_are_removed_or_used_never_overlapped(tmp_path: Path) -> None:
    left = live(planned("nap", "8c", 0), is_ready=False)
    said = answer(asked(workload(tmp_path, nap(80)), snapshot(left._replace(serving=None))))
    assert said.transition is not None
    assert said.transition.steps[0].action is Action.DESTROY
    assert said.transition.unserved == {"cpu-0": (left.placement,)}


def test_the_machine_counts_and_not_what_the_workload_says(tmp_path: Path) -> None:
    path = workload(tmp_path, nap(500), gpus="{type: CPU-8, count: 16}")
    with pytest.raises(InputError, match="smallest stock that works is 2 CPU-8 instead of 1"):
        answer(asked(path, snapshot()))
    said = answer(asked(path, snapshot(num_gpus=2)))
    assert said.transition is not None
    assert said.transition.target.num_gpus == 2


def test_a_workload_for_other_gpus_is_refused_with_what_there_is(tmp_path: Path) -> None:
    path = workload(tmp_path, nap(80), gpus="{type: A100-80GB, count: 1}")
    (tmp_path / "table.csv").write_text(
        TABLE.splitlines()[0] + "\nA100-80GB,1g.10gb,nap,1,1,90,20,99\n"
    )
    with pytest.raises(InputError, match=r"no GPU of type A100-80GB; it has 1 of type CPU-8"):
        answer(asked(path, snapshot()))


def test_a_service_that_does_not_say_how_it_is_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'nap' does not say how it is run; add a serve part"):
        answer(asked(workload(tmp_path, nap(80, serve="")), snapshot()))


def followed(path: Path, runs: Snapshot, rate_rps: float, unneeded_s: float = 600.0) -> Question:
    return Question(path, runs, {"nap": served("nap", 80.0)}, {"nap": rate_rps}, unneeded_s)


def test_following_stays_while_what_runs_is_enough(tmp_path: Path) -> None:
    path = workload(tmp_path, nap(80), more="replan: {every: 60s}\n")
    said = answer(followed(path, snapshot(live(planned("nap"))), 70.0))
    assert said.transition is None
    assert said.reason
    assert said.sentence
    assert said.replan_every_s == 60.0


def test_following_goes_where_a_rate_is_missing(tmp_path: Path) -> None:
    path = workload(tmp_path, nap(80), more="replan: {every: 60s}\n")
    said = answer(followed(path, snapshot(live(planned("nap"))), 150.0))
    assert said.transition is not None
    served_rps = sum(one.rate_rps for _, one in said.transition.target.instances())
    assert served_rps >= 150.0
