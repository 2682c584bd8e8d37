"""The fault campaign: whatever fails, a transition of sixty steps ends well.

It ends in the target, or in a legal deployment at or above the floors; no instance is
left that serves nobody, and no step is done twice. The cluster's own history says so.

In the first part controllers are processes that die by SIGKILL, and the cluster lives in
a process of its own. The rest runs in this process, in virtual time, where a controller
dies by being dropped: that is quick enough to try every moment.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from executions import (
    Cluster,
    Ended,
    Setting,
    carried_out,
    sixty_steps,
)
from heddle.cluster.event import Outcome
from heddle.cluster.snapshot import Snapshot, differences
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.simulator.faults import (
    CommandFault,
    Delivery,
    EventFault,
    FaultScript,
    Loss,
    NodeFault,
    Which,
)
from heddle.simulator.history import History, Kind
from heddle.simulator.socket_driver import SocketDriver
from heddle.transition.execution.decision import Reason
from heddle.transition.execution.journal_state import ExecutionOutcome
from heddle.transition.execution.limits import ExecutionLimits
from heddle.transition.executor import Executor
from heddle.transition.transition_file import write_transition

DONE, ABORTED, STOPPED = ("done", "aborted", "stopped")
CONTROLLERS = Path(__file__).parents[1] / "dying_controllers.py"
STEPS = range(64)
NUM_EXTRA_GPUS = 3


class Campaign:
    """A cluster in its own process, and the files of those who control it."""

    def __init__(self, folder: Path, faults: str = "") -> None:
        self.transition = folder / "transition.json"
        self.socket = folder / "cluster.sock"
        self.journal = folder / "journal"
        write_transition(self.transition, sixty_steps())
        words: list[object] = ["simulate", self.transition, "--listen", self.socket]
        words += ["--extra-gpus", NUM_EXTRA_GPUS]
        if faults:
            (folder / "faults.yaml").write_text(f"version: 1\nfaults:\n{faults}", encoding="utf-8")
            words += ["--faults", folder / "faults.yaml"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "heddle", *map(str, words)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        assert self.process.stdout is not None
        assert "listening" in self.process.stdout.readline()

    def controllers(self, *words: object) -> tuple[str, int]:
        """Let controllers work and die; return the outcome and how many lives it took."""
        files = (self.transition, self.socket, self.journal)
        ended = subprocess.run(
            [sys.executable, CONTROLLERS, *map(str, (*files, *words))],
            check=True,
            capture_output=True,
            encoding="utf-8",
        )
        outcome, num_lives = ended.stdout.split()
        return outcome, int(num_lives)

    def kinds(self) -> list[str]:
        with contextlib.closing(SqliteLedger(self.journal)) as ledger:
            return [entry.kind for entry in ledger.entries()]

    def seen(self) -> tuple[History, Snapshot]:
        with SocketDriver(self.socket) as driver:
            return driver.history(), driver.observe()


@contextlib.contextmanager
def campaign(folder: Path, faults: str = "") -> Iterator[Campaign]:
    made = Campaign(folder, faults)
    try:
        yield made
    finally:
        made.process.send_signal(signal.SIGKILL)
        made.process.communicate()


def assert_clean(history: History, snapshot: Snapshot) -> None:
    """No instance is left without a server, nothing is under way, and nothing was done twice."""
    assert snapshot.unserved() == ()
    assert snapshot.in_progress == frozenset()
    done = [command.id.rpartition("/")[0] for command in history.commands(Kind.DONE)]
    assert len(done) == len(set(done))
    floors = {name: floor.floor_rps for name, floor in sixty_steps().floors.items()}
    assert history.below(floors) == []


# Controllers that die by SIGKILL


def test_a_controller_killed_after_every_write_reaches_the_target(tmp_path: Path) -> None:
    with campaign(tmp_path) as running:
        outcome, num_lives = running.controllers("--always", 1)
        kinds = running.kinds()
        history, snapshot = running.seen()
    num_steps = len(sixty_steps().steps)
    assert outcome == DONE
    # Begun, an intention and an end for every step, ended; and a last one to say so.
    assert num_lives == len(kinds) + 1 == 2 * num_steps + 3
    assert differences(sixty_steps().target, snapshot) == []
    assert len(history.commands(Kind.DONE)) == num_steps
    assert_clean(history, snapshot)


def test_a_controller_killed_before_every_third_write_reaches_the_target(tmp_path: Path) -> None:
    with campaign(tmp_path) as running:
        outcome, num_lives = running.controllers("--always", -3)
        history, snapshot = running.seen()
    assert outcome == DONE
    assert num_lives > len(sixty_steps().steps)
    assert differences(sixty_steps().target, snapshot) == []
    assert_clean(history, snapshot)


def test_a_new_plan_survives_the_death_of_its_controller_after_every_write(tmp_path: Path) -> None:
    faults = "  - {step: 20, fail: always, retryable: false, message: broken}\n"
    with campaign(tmp_path, faults) as running:
        outcome, num_lives = running.controllers("--always", 1)
        kinds = running.kinds()
        history, snapshot = running.seen()
    assert outcome == DONE
    assert kinds.count("transition.replanned") == 1
    assert num_lives == len(kinds) + 1
    assert_clean(history, snapshot)


def test_an_abort_survives_the_death_of_its_controller_after_every_write(tmp_path: Path) -> None:
    with campaign(tmp_path) as running:
        words = ("--deaths", 60, "--always", 1, "--abort-in-life", 1)
        outcome, num_lives = running.controllers(*words)
        kinds = running.kinds()
        history, snapshot = running.seen()
    assert outcome == ABORTED
    assert num_lives > 20
    assert kinds.count("transition.aborting") == 1
    assert snapshot.ready_rps() == pytest.approx(sixty_steps().origin.planned_rps())
    assert_clean(history, snapshot)


# Controllers that are dropped, in virtual time


def run(
    *faults: CommandFault | EventFault | NodeFault,
    deaths: tuple[int, ...] = (),
    num_extra_gpus: int = NUM_EXTRA_GPUS,
    abort_in_life: int | None = None,
) -> Ended:
    script = FaultScript(
        tuple(f for f in faults if isinstance(f, CommandFault)),
        tuple(f for f in faults if isinstance(f, EventFault)),
        tuple(f for f in faults if isinstance(f, NodeFault)),
    )

    def act(executor: Executor, life: int) -> None:
        if abort_in_life is not None and life >= abort_in_life:
            executor.abort()

    cluster = Cluster(script, num_extra_gpus, variation=0.2)
    return carried_out(sixty_steps(), cluster, deaths, act=act)


def num_writes() -> int:
    return len(run().ledger.entries())


def test_it_dies_once_at_every_write() -> None:
    for at in range(1, num_writes() + 1):
        for ended in (run(deaths=(at,)), run(deaths=(-at,))):
            assert ended.result.outcome is ExecutionOutcome.DONE, at
            assert ended.num_lives == 2
            assert (ended.result.num_retries, ended.result.num_replans) == (0, 0)
            assert ended.wrongs() == [], at


def test_it_dies_twice_in_a_row_at_many_writes() -> None:
    for at in range(1, num_writes(), 7):
        for then in (1, -1, 2, -2, 5):
            ended = run(deaths=(at, then, then))
            assert ended.result.outcome is ExecutionOutcome.DONE, (at, then)
            assert ended.wrongs() == [], (at, then)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REFUSED])
def test_each_step_fails_once(outcome: Outcome) -> None:
    for step in STEPS:
        ended = run(CommandFault(Which(step=step), outcome))
        assert ended.result.outcome is ExecutionOutcome.DONE, step
        assert (ended.result.num_retries, ended.result.num_replans) == (1, 0), step
        assert ended.wrongs() == [], step


@pytest.mark.parametrize("num_extra_gpus", [0, NUM_EXTRA_GPUS])
def test_each_step_fails_for_good(num_extra_gpus: int) -> None:
    outcomes = set()
    for step in STEPS:
        broken = CommandFault(Which(step=step), num_times=None, is_retryable=False)
        ended = run(broken, num_extra_gpus=num_extra_gpus)
        outcomes.add(ended.result.outcome.value)
        reasons = [decision.reason for decision in ended.result.decisions]
        assert reasons.count(Reason.STEP_FAILED) == 2, step
        assert ended.wrongs() == [], step
    assert outcomes == ({DONE} if num_extra_gpus else {DONE, STOPPED})


@pytest.mark.parametrize("delivery", list(Delivery))
def test_the_event_of_each_step_goes_astray(delivery: Delivery) -> None:
    for step in STEPS:
        ended = run(EventFault(Which(step=step), delivery, late_s=90.0))
        assert ended.result.outcome is ExecutionOutcome.DONE, step
        assert (ended.result.num_retries, ended.result.num_replans) == (0, 0), step
        assert ended.wrongs() == [], step


def test_every_second_event_is_lost_and_every_third_comes_twice() -> None:
    lost = [EventFault(Which(event=n), Delivery.LOST) for n in range(1, 400, 2)]
    twice = [EventFault(Which(event=n), Delivery.TWICE, 5.0) for n in range(2, 400, 3)]
    ended = run(*lost, *twice)
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.wrongs() == []


NODES = ("node-0", "node-1", "node-2")


@pytest.mark.parametrize("node", NODES)
def test_a_node_is_gone_for_a_while_at_any_time(node: str) -> None:
    for at_s in range(1, 80, 4):
        ended = run(NodeFault(node, float(at_s), 30.0))
        assert ended.result.outcome is ExecutionOutcome.DONE, at_s
        assert ended.result.num_replans == 0, at_s
        assert ended.wrongs() == [], at_s


@pytest.mark.parametrize("node", NODES)
def test_a_node_is_gone_for_so_long_that_it_is_given_up_and_then_is_back(node: str) -> None:
    for at_s in range(1, 80, 16):
        for for_s in (305.0, 340.0, 600.0):
            ended = run(NodeFault(node, float(at_s), for_s), num_extra_gpus=9)
            assert ended.result.outcome is ExecutionOutcome.DONE, (at_s, for_s)
            assert ended.wrongs() == [], (at_s, for_s)


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("num_extra_gpus", [0, 9])
def test_a_node_is_gone_for_good(node: str, num_extra_gpus: int) -> None:
    for at_s in range(1, 80, 8):
        ended = run(NodeFault(node, float(at_s), 1e7), num_extra_gpus=num_extra_gpus)
        if num_extra_gpus:
            assert ended.result.outcome is ExecutionOutcome.DONE, at_s
        assert ended.wrongs() == [], at_s
        on_node = {c.gpu for c in ended.result.deployment.configurations if c.node == node}
        reasons = {decision.reason for decision in ended.result.decisions}
        assert not on_node or Reason.NODE_GONE not in reasons, at_s


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("loss", [Loss.SERVERS, Loss.INSTANCES])
def test_a_node_loses_what_it_had(node: str, loss: Loss) -> None:
    for at_s in range(1, 80, 8):
        ended = run(NodeFault(node, float(at_s), 20.0, loss))
        assert ended.result.outcome is ExecutionOutcome.DONE, at_s
        assert ended.wrongs(keeps_floors=False) == [], at_s


def test_it_is_aborted_after_every_fourth_write_and_dies_on_the_way_back() -> None:
    for at in range(1, num_writes(), 4):
        for deaths in ((at,), (at, 9, 1, -1, 17)):
            ended = run(deaths=deaths, abort_in_life=1)
            assert ended.result.outcome is ExecutionOutcome.ABORTED, (at, deaths)
            assert ended.wrongs() == [], (at, deaths)


def test_a_step_fails_on_the_way_back() -> None:
    for command in range(30, 100, 5):
        broken = CommandFault(Which(command=command), is_retryable=False)
        ended = run(broken, deaths=(45,), abort_in_life=1, num_extra_gpus=9)
        assert ended.result.outcome is ExecutionOutcome.ABORTED, command
        assert ended.wrongs() == [], command


def test_one_command_at_a_time_is_enough() -> None:
    setting = Setting(limits=ExecutionLimits(commands_per_node=1))
    ended = carried_out(sixty_steps(), Cluster(variation=0.2), setting=setting)
    assert ended.result.outcome is ExecutionOutcome.DONE
    assert ended.wrongs() == []
