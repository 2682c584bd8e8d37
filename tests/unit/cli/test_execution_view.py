"""The live view: in place on a terminal, lines elsewhere, never in the way."""

from __future__ import annotations

import pytest

from heddle.cli.execution_text import result_text
from heddle.cli.execution_view import ExecutionView, closest_text, rate_bar, steps_text
from heddle.clock import ManualClock
from heddle.cluster.deployment import Deployment
from heddle.settings import Settings
from heddle.transition.execution.decision import Decision, Reason
from heddle.transition.execution.journal_state import ExecutionOutcome
from heddle.transition.execution.leg import Purpose
from heddle.transition.progress import ExecutionProgress, ExecutionResult, ServiceRate

CHAT = ServiceRate("chat", 300.0, 275.0)
VISION = ServiceRate("vision", 40.0, 0.0)
DONE = Decision(Reason.STEP_DONE, "step 3 (create on 1g.10gb at 6 of gpu-0) is done")
FAILED = Decision(Reason.STEP_FAILED, "step 4 (start chat on 3g.40gb at 0 of gpu-0) failed: broken")


def progress(
    last: Decision = DONE, services: tuple[ServiceRate, ...] = (CHAT, VISION)
) -> ExecutionProgress:
    return ExecutionProgress(Purpose.FORWARD, 1, 12, 3, 60, 31.25, services, last)


def view(clock: ManualClock, *, is_interactive: bool) -> ExecutionView:
    return ExecutionView(Settings(is_interactive), clock)


Output = pytest.CaptureFixture[str]


def test_a_short_run_shows_nothing(capsys: Output) -> None:
    for is_interactive in (True, False):
        clock = ManualClock()
        shown = view(clock, is_interactive=is_interactive)
        clock.advance(0.3)
        shown.show(progress())
        shown.clear()
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_steps_and_a_bar_for_every_service(capsys: Output) -> None:
    clock = ManualClock()
    shown = view(clock, is_interactive=True)
    clock.advance(1.0)
    shown.show(progress())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "31.2 s, to the target: 12 of 60 steps done, 3 under way"
    assert lines[1].startswith("  chat    ██")
    assert lines[1].endswith("  300 of 275 requests/s")
    assert "│" in lines[1]
    assert lines[2].endswith("40 of 0 requests/s")
    assert lines[3] == f"  {DONE.sentence}"


def test_a_terminal_is_drawn_over_in_place_and_wiped_at_the_end(capsys: Output) -> None:
    clock = ManualClock()
    shown = view(clock, is_interactive=True)
    clock.advance(1.0)
    shown.show(progress())
    capsys.readouterr()
    shown.show(progress(FAILED))
    assert capsys.readouterr().err == ""  # not due yet
    clock.advance(0.2)
    shown.refresh()
    again = capsys.readouterr().err
    assert again.startswith("\x1b[4F\x1b[J")
    assert FAILED.sentence in again
    shown.clear()
    assert capsys.readouterr().err == "\x1b[4F\x1b[J"
    shown.clear()
    assert capsys.readouterr().err == ""


def test_elsewhere_there_is_a_line_now_and_then(capsys: Output) -> None:
    clock = ManualClock()
    shown = view(clock, is_interactive=False)
    for _ in range(110):
        clock.advance(0.1)
        shown.show(progress())
    lines = capsys.readouterr().err.splitlines()
    steps = "31.2 s, to the target: 12 of 60 steps done, 3 under way"
    assert lines == [f"heddle: {steps}; closest to its floor: chat, 109% of it"] * 2


def test_elsewhere_what_goes_wrong_has_a_line_at_once(capsys: Output) -> None:
    shown = view(ManualClock(), is_interactive=False)
    shown.show(progress(FAILED))
    shown.show(progress(DONE))
    assert capsys.readouterr().err == f"heddle: 31.2 s: {FAILED.sentence}\n"


def test_many_services_are_cut_off_with_their_number(capsys: Output) -> None:
    clock = ManualClock()
    shown = view(clock, is_interactive=True)
    clock.advance(1.0)
    services = tuple(ServiceRate(f"service-{n}", 100.0 + n, 100.0) for n in range(40))
    shown.show(progress(services=services))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 + 12 + 1 + 1
    assert lines[-2] == "  … and 28 more services; closest to its floor: service-12, 112% of it"
    assert closest_text(services) == "; closest to its floor: service-0, 100% of it"
    assert steps_text(progress()) == lines[0]


def test_a_service_below_its_floor_is_said_to_be(capsys: Output) -> None:
    clock = ManualClock()
    shown = view(clock, is_interactive=True)
    clock.advance(1.0)
    shown.show(progress(services=(CHAT._replace(rate_rps=274.9),)))
    assert "274.9 of 275 requests/s  BELOW" in capsys.readouterr().err


def test_something_may_be_said_above_what_is_drawn(capsys: Output) -> None:
    clock = ManualClock()
    shown = view(clock, is_interactive=True)
    clock.advance(1.0)
    shown.show(progress())
    capsys.readouterr()
    shown.tell("pausing")
    assert capsys.readouterr().err == "\x1b[4F\x1b[Jheddle: pausing\n"


@pytest.mark.parametrize(
    ("rate_rps", "floor_rps", "bar"),
    [
        (0.0, 0.0, " " * 30),
        (100.0, 0.0, "█" * 30),
        (50.0, 0.0, "█" * 15 + " " * 15),
        (51.0, 0.0, "█" * 15 + "▎" + " " * 14),
        (100.0, 50.0, "█" * 15 + "│" + "█" * 14),
        (25.0, 50.0, "█" * 7 + "▌" + " " * 7 + "│" + " " * 14),
        (100.0, 100.0, "█" * 29 + "│"),
        (1000.0, 0.0, "█" * 30),
    ],
)
def test_a_bar_shows_the_rate_and_a_stroke_the_floor(
    rate_rps: float, floor_rps: float, bar: str
) -> None:
    assert rate_bar(ServiceRate("x", rate_rps, floor_rps), 100.0) == bar


def test_the_end_is_told_with_figures_rates_and_what_happened() -> None:
    result = ExecutionResult(
        outcome=ExecutionOutcome.STOPPED,
        deployment=Deployment({}, ()),
        num_done=7,
        num_retries=1,
        num_replans=2,
        least=(CHAT, ServiceRate("vision", 10.0, 20.0)),
        elapsed_s=1234.56,
        decisions=(FAILED, Decision(Reason.GAVE_UP, "stopped where every floor holds: no way")),
    )
    assert result_text(result).splitlines() == [
        "stopped where every floor holds: no way",
        "7 steps done in 1,234.6 s, 1 further attempt, planned anew 2 times",
        "",
        "service  least rate  floor  kept",
        "───────  ──────────  ─────  ────",
        "vision           10     20  NO",
        "chat            300    275  yes",
        "",
        "On the way:",
        f"- {FAILED.sentence}",
    ]


def test_the_end_of_a_run_without_surprises_is_short() -> None:
    end = Decision(Reason.TARGET_REACHED, "the target is reached")
    result = ExecutionResult(
        ExecutionOutcome.DONE, Deployment({}, ()), 6, 0, 0, (CHAT,), 37.0, (end,)
    )
    assert result_text(result).splitlines()[:3] == [
        "done: the target is reached",
        "6 steps done in 37.0 s",
        "",
    ]
