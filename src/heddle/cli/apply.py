"""``heddle apply``: carry a transition out, watch it, pause it, go on, go back.

``--host simulated`` has its nodes in this process: they die with it. A run that goes on
from a journal therefore rebuilds them as the journal knows them, the deployment before
and every finished step, and what was under way is begun again. A cluster behind a socket
(``heddle simulate``) lives on by itself, and is found as it is.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from heddle.cli.apply_workload import apply_workload
from heddle.cli.daemon_arguments import add_daemon_arguments, daemon_of
from heddle.cli.execution_text import result_text
from heddle.cli.execution_view import ExecutionView
from heddle.cli.hosts import Hosted, opened_host
from heddle.cli.move_view import add_wait_argument, told_move
from heddle.cli.pacing import PacedDriver, real_time
from heddle.cli.running import counting_number, natural_number, positive_number
from heddle.cli.simulation_arguments import add_simulation_arguments
from heddle.clock import ManualClock, WallClock
from heddle.cluster.ledger import Ledger
from heddle.cluster.memory_ledger import MemoryLedger
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.documents import load_yaml
from heddle.errors import InputError, Location
from heddle.settings import load_settings
from heddle.transition.execution.journal_state import ExecutionOutcome
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.executor import Executor, Host
from heddle.transition.journal import Journal
from heddle.transition.progress import ExecutionProgress, ExecutionResult, result_of
from heddle.transition.transition import Transition
from heddle.transition.transition_file import read_transition, transition_text

#: Real seconds until a Ctrl-C is noticed, when time is paced.
_NOTICE_S = 0.25

EXIT_CODES = {
    ExecutionOutcome.DONE: 0,
    ExecutionOutcome.ABORTED: 0,
    ExecutionOutcome.STOPPED: 1,
    ExecutionOutcome.PAUSED: 130,
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``apply``."""
    parser.add_argument(
        "transition",
        type=Path,
        metavar="WORKLOAD|TRANSITION",
        help="workload.yaml or transition.json; told apart by what is in it",
    )
    parser.add_argument(
        "--host",
        metavar="simulated|SOCKET",
        help="for a transition, instead of the daemon: nodes in this process, or a cluster that "
        "heddle simulate serves",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show plan and transition, and change nothing"
    )
    add_wait_argument(parser)
    add_daemon_arguments(parser)
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="write everything down here; the same command goes on from it",
    )
    parser.add_argument(
        "--abort", action="store_true", help="go back to the deployment before, along --journal"
    )
    parser.add_argument(
        "--speed",
        type=positive_number,
        metavar="X",
        help="virtual seconds per real second, to watch (default: as fast as possible)",
    )
    parser.add_argument(
        "--extra-gpus",
        type=natural_number,
        default=0,
        metavar="N",
        help="so many empty GPUs more of every type, for new plans when something fails",
    )
    parser.add_argument(
        "--commands-per-node",
        type=counting_number,
        default=ExecutionLimits().commands_per_node,
        metavar="N",
        help="steps at a time on one node; fewer are gentler and take longer (default: 8)",
    )
    add_simulation_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; return 0 at the end, 1 where it stopped, 130 when it was paused."""
    if arguments.host is None:
        return _on_this_machine(arguments)
    return _on_host(arguments)


def _on_this_machine(arguments: argparse.Namespace) -> int:
    """Let the daemon do it; a workload is a mapping with services, a transition has steps."""
    document = load_yaml(arguments.transition)
    if not (isinstance(document.raw, dict) and "steps" in document.raw):
        return apply_workload(arguments)
    if arguments.journal is not None or arguments.abort:
        raise InputError("--journal and --abort are for --host; the daemon keeps its own journal")
    transition = read_transition(arguments.transition)
    members = json.loads(transition_text(transition))
    daemon = daemon_of(arguments)
    accepted = daemon.carry_out(members, is_dry_run=arguments.dry_run)
    return told_move(daemon, accepted, is_waiting=not arguments.no_wait)


def _on_host(arguments: argparse.Namespace) -> int:
    transition = read_transition(arguments.transition)
    if arguments.abort and (arguments.journal is None or not arguments.journal.exists()):
        raise InputError("--abort goes back along a journal; name it with --journal FILE")
    with _opened_ledger(arguments.journal) as ledger:
        written = Journal(ledger, ManualClock())
        written.require(transition)
        if (ending := written.state.ending) is not None:
            print(f"{ledger.name}: this transition has ended before; nothing was changed\n")
            return _told(result_of(written.state, *ending, written.state.elapsed_s), arguments)
        if arguments.abort and not written.is_begun:
            raise InputError("nothing was begun yet, so there is nothing to go back from")
        with opened_host(arguments, transition, written) as hosted, _located(arguments):
            return _told(_carry_out(arguments, transition, ledger, hosted), arguments)


def _carry_out(
    arguments: argparse.Namespace, transition: Transition, ledger: Ledger, hosted: Hosted
) -> ExecutionResult:
    """Run an executor that is watched, and that Ctrl-C pauses."""
    view = ExecutionView(load_settings(), WallClock())
    pause = _PauseSignal(view)
    host = hosted.host
    limits = ExecutionLimits(commands_per_node=arguments.commands_per_node)

    def on_slice() -> None:
        pause.announce()
        view.refresh()

    def on_progress(progress: ExecutionProgress) -> None:
        pause.announce()
        view.show(progress)

    if arguments.speed is not None:
        paced = PacedDriver(host.driver, host.clock, arguments.speed, real_time(), on_slice)
        host = Host(paced, host.clock)
        limits = replace(limits, poll_s=arguments.speed * _NOTICE_S)
    journal = Journal(ledger, host.clock)
    executor = Executor(transition, host, journal, hosted.replanner, limits, on_progress)
    pause.executor = executor
    if arguments.abort:
        executor.abort()
    previous = signal.signal(signal.SIGINT, pause.receive)
    try:
        return executor.run()
    finally:
        signal.signal(signal.SIGINT, previous)
        view.clear()


def _told(result: ExecutionResult, arguments: argparse.Namespace) -> int:
    print(result_text(result))
    if result.outcome is ExecutionOutcome.PAUSED:
        how = (
            "the same command goes on from the journal, with --abort it goes back"
            if arguments.journal is not None
            else "without --journal it cannot go on"
        )
        print(f"heddle: paused; {how}", file=sys.stderr)
    return EXIT_CODES[result.outcome]


class _PauseSignal:
    """Asks the executor for a pause at the first Ctrl-C; the second one ends the program.

    Nothing is written while the signal is received: that may be in the middle of
    writing something else.
    """

    def __init__(self, view: ExecutionView) -> None:
        self._view = view
        self._is_received = False
        self._is_announced = False
        self.executor: Executor | None = None

    def receive(self, _number: int, _frame: FrameType | None) -> None:
        """Take note; KeyboardInterrupt the second time."""
        if self._is_received:
            raise KeyboardInterrupt
        self._is_received = True
        if self.executor is not None:
            self.executor.pause()

    def announce(self) -> None:
        """Say once that it was received."""
        if self._is_received and not self._is_announced:
            self._is_announced = True
            self._view.tell("pausing: nothing more is begun; what is under way ends first")


@contextmanager
def _opened_ledger(path: Path | None) -> Iterator[Ledger]:
    """Yield the ledger of a file, or one in memory; leave no empty file behind."""
    if path is None:
        yield MemoryLedger()
        return
    is_new = not path.exists()
    ledger = SqliteLedger(path)
    is_empty = False
    try:
        yield ledger
    finally:
        with suppress(InputError):
            is_empty = is_new and not ledger.entries()
        ledger.close()
        if is_empty:
            path.unlink(missing_ok=True)


@contextmanager
def _located(arguments: argparse.Namespace) -> Iterator[None]:
    """Let objections to the transition name its file."""
    try:
        yield
    except InputError as error:
        if error.location.file is not None:
            raise
        raise InputError(error.message, Location(arguments.transition)) from error
