"""A small cluster for tests: three GPUs on two nodes, in this process or in its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from heddle.clock import Clock
from heddle.cluster.command import Action, Command
from heddle.cluster.deployment import Configuration, Deployment, PlannedInstance, ServedService
from heddle.cluster.deployment_file import write_deployment
from heddle.cluster.event import Event
from heddle.cluster.gpu import Gpu
from heddle.cluster.partition import Placement
from heddle.cluster.snapshot import LiveInstance, Snapshot
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.durations import Durations, distribution_of
from heddle.simulator.fault_file import load_faults
from heddle.simulator.history import History
from heddle.simulator.world import World
from heddle.transition.action_times import ActionTimes
from heddle.transition.transition import Transition

#: Seconds of the actions in these tests: round, and all different.
CREATE_S, DESTROY_S, START_S, STOP_S = 1.0, 2.0, 30.0, 4.0
TIMES = ActionTimes(
    "tests",
    {
        Action.CREATE: CREATE_S,
        Action.DESTROY: DESTROY_S,
        Action.START: START_S,
        Action.STOP: STOP_S,
    },
)
_TIMES_YAML = f"""\
version: 1
tables:
  - name: tests
    default: {{create_s: {CREATE_S}, destroy_s: {DESTROY_S}, start_s: {START_S}, stop_s: {STOP_S}}}
"""

CHAT = PlannedInstance("3g.40gb", 0, "chat", 8, 2, 150.0, 12.0)
VISION = PlannedInstance("1g.10gb", 6, "vision", 16, 1, 110.5, 19.0)
SEARCH = PlannedInstance("2g.20gb", 4, "search", 4, 1, 60.0, 15.0)

#: gpu-0 and gpu-1 serve; gpu-2, on the other node, serves one instance.
DEPLOYMENT = Deployment(
    {
        "chat": ServedService("bert", 250.0, 40.0, 275.0),
        "vision": ServedService("resnet", 100.0, 40.0, 110.0),
        "search": ServedService("bert", 50.0, 40.0, 55.0),
    },
    (
        Configuration("gpu-0", "node-0", "A100-80GB", (CHAT, SEARCH, VISION)),
        Configuration("gpu-1", "node-0", "A100-80GB", (CHAT,)),
        Configuration("gpu-2", "node-1", "A100-80GB", (VISION,)),
    ),
)
NODE_OF = {"gpu-0": "node-0", "gpu-1": "node-0", "gpu-2": "node-1"}
#: Free on gpu-1 and gpu-2.
FREE = Placement(4, "2g.20gb")

#: From the deployment to one with fewer GPUs, with leftovers and a borrowed GPU.
SPARE = Gpu("gpu-9", "node-2", "A30-24GB")
TRANSITION = Transition(
    origin=DEPLOYMENT,
    target=Deployment(
        DEPLOYMENT.services, (Configuration("gpu-4", "node-1", "A100-80GB", (CHAT,)),)
    ),
    steps=(),
    makespan_s=0.0,
    spare_gpus=1,
    floors={},
    borrowed=(SPARE,),
    unserved={"gpu-1": (FREE,), "gpu-9": (Placement(0, "1g.6gb"),)},
)


class AnyHost(Protocol):
    """A driver with the clock of its host."""

    @property
    def clock(self) -> Clock: ...
    def observe(self) -> Snapshot: ...
    def submit(self, command: Command) -> None: ...
    def wait(self, until_s: float) -> Sequence[Event]: ...


class Cluster(AnyHost, Protocol):
    """A simulated cluster, wherever it lives."""

    def history(self) -> History: ...


def place_of(planned: PlannedInstance) -> Placement:
    return Placement(planned.start, planned.profile)


def create(name: str, gpu: str, placement: Placement = FREE) -> Command:
    return Command(name, Action.CREATE, NODE_OF[gpu], gpu, placement)


def destroy(name: str, gpu: str, placement: Placement = FREE) -> Command:
    return Command(name, Action.DESTROY, NODE_OF[gpu], gpu, placement)


def start(name: str, gpu: str, serving: PlannedInstance = SEARCH) -> Command:
    return Command(name, Action.START, NODE_OF[gpu], gpu, place_of(serving), serving)


def stop(name: str, gpu: str, serving: PlannedInstance = CHAT) -> Command:
    return Command(name, Action.STOP, NODE_OF[gpu], gpu, place_of(serving), serving)


def carried_out(cluster: AnyHost, *commands: Command) -> list[Event]:
    """Submit commands one after the other, each when the one before has ended."""
    events: list[Event] = []
    for command in commands:
        cluster.submit(command)
        events.extend(cluster.wait(cluster.clock.now_s() + 1000.0))
    return events


def live(snapshot: Snapshot, gpu: str, placement: Placement = FREE) -> LiveInstance | None:
    """Return what a snapshot shows at a placement."""
    return next((i for g, i in snapshot.live() if g.id == gpu and i.placement == placement), None)


def cluster_here(
    faults: Path | None = None, *, seed: int = 0, variation: float = 0.0
) -> SimulatedDriver:
    """Return the small cluster, in this process."""
    world = World.running(DEPLOYMENT, seed=seed)
    script = None if faults is None else load_faults(faults, world.nodes)
    return SimulatedDriver(world, Durations(TIMES, distribution_of(variation), seed), script)


class ClusterProcess:
    """The small cluster in a process of its own, until the end of a ``with`` block."""

    def __init__(self, folder: Path, faults: Path | None = None, variation: float = 0.0) -> None:
        self.socket = folder / "cluster.sock"
        write_deployment(folder / "runs.json", DEPLOYMENT)
        (folder / "times.yaml").write_text(_TIMES_YAML, encoding="utf-8")
        words: list[str | Path] = ["simulate", folder / "runs.json", "--listen", self.socket]
        words += ["--times", folder / "times.yaml", "--variation", str(variation)]
        words += ["--faults", faults] if faults else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "heddle", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; nothing for one that has ended."""
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode
