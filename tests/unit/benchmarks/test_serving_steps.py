"""How long steps and transitions took, out of a ledger."""

from __future__ import annotations

from pathlib import Path

from heddle.benchmarks.serving_steps import step_rows, took
from heddle.cluster.command import Action
from heddle.cluster.deployment import Deployment
from heddle.cluster.partition import Placement
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.transition.step import Step
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_text

_PLACEMENT = Placement(0, "1c")
_NOTHING = Deployment({}, ())


def _steps() -> tuple[Step, ...]:
    return (
        Step(0, Action.DESTROY, "cpu-0", _PLACEMENT, None, 1.0),
        Step(1, Action.CREATE, "cpu-0", _PLACEMENT, None, 1.0, after=(0,)),
        Step(2, Action.DESTROY, "cpu-1", _PLACEMENT, None, 1.0),
    )


def _written(path: Path) -> Path:
    ledger = SqliteLedger(path)
    transition = Transition(_NOTHING, _NOTHING, _steps(), 2.0, 0, {})
    told = {"kind": "transition.begun", "at_unix_s": 1000.0}
    ledger.append("event.told", told)
    text = transition_text(transition)
    ledger.append("transition.begun", {"at_s": 10.0, "transition": text})
    for step, at_s, outcome in (
        (2, 11.0, "failed"),
        (0, 12.0, "done"),
        (1, 12.5, "done"),
        (2, 14.0, "done"),
    ):
        ledger.append("step.ended", {"step": step, "at_s": at_s, "outcome": outcome})
    ledger.append("event.told", {"kind": "transition.ended", "at_unix_s": 1004.5})
    ledger.close()
    return path


def test_a_step_takes_from_the_end_of_those_before_it_until_it_is_done(tmp_path: Path) -> None:
    times = took(_written(tmp_path / "heddle.db"))
    assert times.steps_s[Action.DESTROY] == [2.0, 4.0]
    assert times.steps_s[Action.CREATE] == [0.5]
    assert times.transitions_s == [4.5]


def test_actions_that_were_not_taken_have_no_row(tmp_path: Path) -> None:
    rows = step_rows("networks", took(_written(tmp_path / "heddle.db")))
    assert [(row["action"], row["times"], row["median_s"]) for row in rows] == [
        ("create", 1, 0.5),
        ("destroy", 2, 3.0),
        ("transition", 1, 4.5),
    ]
    assert rows[1]["p90_s"] == 4.0


def test_a_ledger_without_transitions_has_no_rows(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / "heddle.db").close()
    assert step_rows("nothing", took(tmp_path / "heddle.db")) == []
