"""A program: controllers of one cluster that are killed, one after the other, by SIGKILL.

Every controller is a process of its own, forked from one that has imported everything.
It dies at a write to its journal: right before it, or as soon as it is on disk. What is
left are the journal and the cluster behind its socket. It prints how many lives it took.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from executions import REPLANNER
from heddle.cluster.ledger import Entry
from heddle.cluster.sqlite_ledger import SqliteLedger
from heddle.simulator.socket_driver import SocketDriver
from heddle.transition.executor import Executor, Host
from heddle.transition.journal import Journal
from heddle.transition.transition_file import read_transition


class KillingLedger:
    """Kills its own process at a write: before it when ``at`` is negative, after it else."""

    def __init__(self, ledger: SqliteLedger, at: int) -> None:
        self._ledger = ledger
        self._at = at
        self._num_writes = 0

    @property
    def name(self) -> str:
        return self._ledger.name

    def append(self, kind: str, members: Mapping[str, Any]) -> Entry:
        self._num_writes += 1
        if self._num_writes == -self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        entry = self._ledger.append(kind, members)
        if self._num_writes == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        return entry

    def entries(self, after: int = 0) -> Sequence[Entry]:
        return self._ledger.entries(after)

    def close(self) -> None:
        self._ledger.close()


def control(arguments: argparse.Namespace, life: int, at: int) -> None:
    """Be one controller, until the end of the transition or of this life."""
    transition = read_transition(arguments.transition)
    ledger = KillingLedger(SqliteLedger(arguments.journal), at)
    with SocketDriver(arguments.socket) as driver:
        host = Host(driver, driver.clock)
        executor = Executor(transition, host, Journal(ledger, host.clock), REPLANNER)
        if arguments.abort_in_life is not None and life >= arguments.abort_in_life:
            executor.abort()
        result = executor.run()
    ledger.close()
    print(result.outcome.value, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("transition", type=Path)
    parser.add_argument("socket", type=Path)
    parser.add_argument("journal", type=Path)
    parser.add_argument("--deaths", type=int, nargs="*", default=[], help="at which write")
    parser.add_argument("--always", type=int, default=0, help="and at which in all later lives")
    parser.add_argument("--abort-in-life", type=int)
    arguments = parser.parse_args()
    for life in range(10_000):
        at = arguments.deaths[life] if life < len(arguments.deaths) else arguments.always
        child = os.fork()
        if child == 0:
            control(arguments, life, at)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            print(life + 1)
            return os.waitstatus_to_exitcode(status)
    return 3


if __name__ == "__main__":
    sys.exit(main())
