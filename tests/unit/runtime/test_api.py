"""The runtime as a library: submit, wait, cancel, and every way in which that goes wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from cpu_kernels import Bodies, hold_block
from heddle.errors import HostError, InputError
from heddle.runtime.api import Runtime
from heddle.runtime.library.networks import build

pytest.importorskip("numba", reason="needs numba: pip install 'heddle-gpu[runtime]'")
if len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs two cores: a dispatcher and a worker", allow_module_level=True)

LIMIT_S = 60.0


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with Runtime("cpu") as opened:
        yield opened


def test_three_lines_run_a_network() -> None:
    expected = build("mlp-small").run_here()
    with Runtime("cpu") as runtime:
        answer = runtime.submit("mlp-small", priority="rt").wait(LIMIT_S)
    assert answer.is_over
    assert answer.output.tobytes() == expected.tobytes()


def test_tasks_that_wait_together_do_not_share_buffers(runtime: Runtime) -> None:
    network = build("mlp-small")
    draw = np.random.default_rng(1)
    inputs = [draw.standard_normal(network.input.shape).astype(np.float32) for _ in range(4)]
    answers = [runtime.submit("mlp-small", "be", given) for given in inputs]
    for given, answer in zip(inputs, answers, strict=True):
        network.input[:] = given
        assert answer.wait(LIMIT_S).output.tobytes() == network.run_here().tobytes()


def test_a_kernel_of_ones_own_runs_every_block(runtime: Runtime) -> None:
    bodies = Bodies()
    kernel, counters = bodies.counted(20)
    runtime.submit(kernel, "rt").wait(LIMIT_S)
    runtime.submit([kernel, kernel]).wait(LIMIT_S)
    assert set(counters) == {3}


def test_kernels_have_no_output_of_the_runtimes(runtime: Runtime) -> None:
    bodies = Bodies()
    answer = runtime.submit(bodies.counted(1)[0], "rt")
    with pytest.raises(InputError, match="read the arrays"):
        _ = answer.output


def test_a_task_that_nobody_wants_ends_as_cancelled(runtime: Runtime) -> None:
    bodies, gate = Bodies(), np.zeros(2, dtype=np.int64)
    held = runtime.submit(bodies.kernel(hold_block, 1, [gate]))
    waits = runtime.submit(bodies.counted(5)[0])
    waits.cancel()
    gate[0] = 1
    held.wait(LIMIT_S)
    with pytest.raises(HostError, match="was cancelled"):
        waits.wait(LIMIT_S)


def test_waiting_ends_at_its_limit_and_can_be_tried_again(runtime: Runtime) -> None:
    bodies, gate = Bodies(), np.zeros(2, dtype=np.int64)
    answer = runtime.submit(bodies.kernel(hold_block, 1, [gate]))
    with pytest.raises(HostError, match="not done in") as late:
        answer.wait(0.001)
    assert late.value.is_retryable
    gate[0] = 1
    answer.wait(LIMIT_S)


@pytest.mark.parametrize(
    ("work", "priority", "given", "message"),
    [
        ("mlp-small", "urgent", None, "rt and be"),
        ("no-such-network", "rt", None, "unknown network"),
        ("mlp-small", "rt", np.zeros(3), "of shape"),
    ],
)
def test_bad_input_is_refused(
    runtime: Runtime, work: str, priority: str, given: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        runtime.submit(work, priority, given)


def test_what_is_not_over_when_the_runtime_closes_fails() -> None:
    gate = np.zeros(2, dtype=np.int64)
    bodies = Bodies()
    with Runtime("cpu") as runtime:
        runtime.submit(bodies.kernel(hold_block, 1, [gate]))
        answer = runtime.submit(bodies.counted(5)[0])
        gate[0] = 1
        runtime.close()
    if answer.is_over and not gate[1]:
        with pytest.raises(HostError, match="closed"):
            answer.wait()
    with pytest.raises(HostError, match="was closed"):
        runtime.submit("mlp-small")


def test_a_simulated_device_has_no_library_api() -> None:
    with pytest.raises(InputError, match="no library API"):
        Runtime("sim:MI50")
