"""Laws of admission: what was promised is kept, and more work never makes an estimate shorter."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.runtime.core import registration
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.board import Board, Device, Sizes, new_board
from heddle.runtime.core.constants import BE, RT
from heddle.runtime.core.kernel import Kernel, QueueSpec
from heddle.runtime.core.policies import limits_of
from heddle.runtime.local.admission import need_of
from heddle.runtime.local.clients import Client
from heddle.runtime.local.desk import Desk, Opening
from heddle.runtime.local.outcome import Outcome
from heddle.runtime.simulated.gpu import SimulatedGpu

MS = 1_000_000
_NETWORKS = ("alexnet", "vgg", "bert", "mobilenet")
_SIZES = Sizes(kernels=64, program_kernels=64, programs=64, queues=16, tasks=64, queue_capacity=64)

networks = st.sampled_from(_NETWORKS)
#: Submitted before, and how long the device goes on after each: kind, network, tasks, ms.
histories = st.lists(
    st.tuples(st.sampled_from(["rt", "be"]), networks, st.integers(1, 3), st.floats(0.0, 3.0)),
    max_size=5,
)
policies = st.sampled_from(["block-edge", "rt-only", "reset", "sequential", "wait"])


def until_told(desk: Desk, found: list[Outcome]) -> Outcome:
    for _ in range(5000):
        if found:
            return found[0]
        desk.backend.advance(desk.backend.now_ns() + MS)
        desk.collect()
    raise AssertionError("it is never over")


def measured(desk: Desk, network: str, kind: str) -> Client:
    client = desk.open(Opening(1, network, kind))
    if not desk.is_measured(client) and not (kind == "be" and desk.policy == "rt-only"):
        found: list[Outcome] = []
        desk.measure(client, 1, found.append)
        assert until_told(desk, found).state == "finished"
    return client


@settings(max_examples=60, deadline=None)
@given(policies, histories, networks)
def test_an_admitted_task_meets_its_deadline_when_nothing_else_comes(
    policy: str, history: list[tuple[str, str, int, float]], network: str
) -> None:
    desk = Desk(SimulatedGpu("MI50", BackendOptions(policy=policy)))
    asking = measured(desk, network, "rt")
    clients = [measured(desk, name, kind) for kind, name, _, _ in history]
    for client, (_, _, num_tasks, rest_ms) in zip(clients, history, strict=True):
        desk.submit(client, num_tasks, None)
        desk.backend.advance(desk.backend.now_ns() + round(rest_ms * MS))
        desk.collect()
    seat = asking.seat
    need = need_of(desk.backend.board, seat.queue, seat.program, desk.tasks.alone_ns)
    assert not need.unknown
    found: list[Outcome] = []
    [task] = desk.submit(asking, 1, need.total_ns / MS)
    desk.when_over(asking, task, found.append)
    assert until_told(desk, found).has_met_deadline is True


def board_of(loads: list[tuple[int, int, int]], policy: str) -> tuple[Board, int, int]:
    """Return a board with tasks of (kind, duration in us, blocks), and a client that asks."""
    device = Device(3, 1, 4, 1, 1024, 65536, 65536)
    board = new_board(device, limits_of(policy, device), _SIZES)
    asking = (0, 0)
    for kind, duration_us, blocks in [(RT, 500, 8), *loads]:
        kernel = registration.add_kernel(board, Kernel("k", blocks, duration_ns=duration_us * 1000))
        queue = registration.add_queue(board, QueueSpec(kind))
        program = registration.add_program(board, [kernel])
        if asking == (0, 0) and queue == 0:
            asking = (queue, program)
            continue
        registration.submit(board, queue, program, 0)
    return board, *asking


loads = st.lists(
    st.tuples(st.sampled_from([RT, BE]), st.integers(1, 100_000), st.integers(1, 100)), max_size=8
)


@settings(deadline=None)
@given(loads, st.integers(0, 7), st.integers(0, 100_000), policies)
def test_more_work_and_longer_work_never_need_less(
    before: list[tuple[int, int, int]], which: int, more_us: int, policy: str
) -> None:
    needed_ns = [need_of(*board_of(before[:count], policy), {}).total_ns for count in (0, 4, 8)]
    assert needed_ns == sorted(needed_ns)
    if which < len(before):
        kind, duration_us, blocks = before[which]
        longer = [*before]
        longer[which] = (kind, duration_us + more_us, blocks)
        assert need_of(*board_of(longer, policy), {}).total_ns >= needed_ns[-1]


@settings(deadline=None)
@given(loads, st.integers(1, 20), policies)
def test_each_further_task_needs_at_least_its_own_time_more(
    before: list[tuple[int, int, int]], num_tasks: int, policy: str
) -> None:
    board, queue, program = board_of(before, policy)
    one = need_of(board, queue, program, {})
    many = need_of(board, queue, program, {}, num_tasks)
    assert many.total_ns - one.total_ns >= (num_tasks - 1) * one.own_ns
