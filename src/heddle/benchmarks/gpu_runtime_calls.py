"""Costs of single things on the cuda device: a call from the loop, the way of an epoch to a block.

Sections ``calls`` and ``flag`` of ``gpu_runtime``. The measuring loops are compiled as the
dispatcher loop is and call the driver as it does.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from heddle.benchmarks.gpu_runtime_rig import Rig, measured, percentiles
from heddle.benchmarks.record import Measured, Row
from heddle.runtime.atomics import atomic_load, atomic_store, call_clock, call_driver, word_array
from heddle.runtime.compiled import compiled
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.device_kernel import DeviceKernel, Functions, half, word
from heddle.runtime.cuda.graphs import capture_kernels, launch_config, launch_whole
from heddle.runtime.cuda.networks.spin import SpinBlock

_ROUNDS: Final = 2000
_CALLS: Final = 500  # fewer than a stream takes before a call has to wait
_LIMIT_NS: Final = 20_000_000  # of one answer; the echo kernel gives up after ten times as long
_BY_STREAM: Final = 0
_BY_MAPPED: Final = 1
_BY_COPY: Final = 2

ECHO_PTX: Final = b""".version 7.8
.target sm_80
.address_size 64
.visible .entry heddle_echo(
  .param .u64 flag,
  .param .u64 answer,
  .param .u32 rounds
)
{
  .reg .pred %p<4>;
  .reg .b32 %r<6>;
  .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [flag];
  ld.param.u64 %rd2, [answer];
  ld.param.u32 %r1, [rounds];
  mov.u32 %r2, 1;
$round:
  mov.u64 %rd3, %globaltimer;
$wait:
  ld.relaxed.sys.global.u32 %r3, [%rd1];
  setp.ge.u32 %p1, %r3, %r2;
  @%p1 bra $answer;
  mov.u64 %rd4, %globaltimer;
  sub.u64 %rd5, %rd4, %rd3;
  setp.lt.u64 %p2, %rd5, 200000000;
  @%p2 bra $wait;
  ret;
$answer:
  st.relaxed.sys.global.u32 [%rd2], %r2;
  add.u32 %r2, %r2, 1;
  setp.le.u32 %p3, %r2, %r1;
  @%p3 bra $round;
  ret;
}
"""


def flag_delivery(rig: Rig) -> Measured:
    """How long an epoch takes from the host to a block that looks at it, and the answer back."""
    rows: list[Row] = []
    device = rig.open("rt-only")
    try:
        for name, method in (
            ("stream write to device memory", _BY_STREAM),
            ("store to mapped host memory", _BY_MAPPED),
            ("asynchronous copy to device memory", _BY_COPY),
        ):
            times_ns = _echo(rig, device, method)
            rows.append({**percentiles(name, times_ns), "what": "there and back"})
    finally:
        device.close()
    return measured([], rows)


def call_costs(rig: Rig) -> Measured:
    """What single calls cost the loop, and what a launch costs from Python."""
    device = rig.open("rt-only")
    rows: list[Row] = []
    try:
        calls, queues = device.plant.calls, device.plant.queues
        stream, event = int(queues.ordinary[0]), int(device.plant.launches.end_event[0])
        flag, kept = int(queues.flag[0]), []
        tiny = _tiny(device)
        values = np.zeros(4, dtype=np.int64)
        values[0] = values.ctypes.data + 16
        values[1] = values.ctypes.data + 24
        config = launch_config(tiny.grid, tiny.threads, 0, stream)
        kept += [values, config]
        graph = capture_kernels(device.driver, stream, [tiny] * 10)
        for name, function, arguments in (
            ("event query", calls.query, (event, 0, 0, 0)),
            ("event record", calls.record, (event, stream, 0, 0)),
            ("stream waits for event", calls.wait, (stream, event, 0, 0)),
            ("stream write of a word", calls.write, (stream, flag, 0, 0)),
            (
                "launch",
                calls.launch,
                (config.ctypes.data, tiny.functions.plain, values.ctypes.data, 0),
            ),
            ("launch of a graph of 10 kernels", calls.graph, (graph, stream, 0, 0)),
        ):
            rows.append(_cost(rig, device, name, (function, *arguments)))
        rows.append(_python_cost(rig, device, tiny, stream))
    finally:
        device.close()
    return measured([], rows)


def _cost(rig: Rig, device: CudaBackend, name: str, call: tuple[int, int, int, int, int]) -> Row:
    times_ns = np.zeros(rig.times(_CALLS), dtype=np.int64)
    code = _repeat(device.plant.calls.clock, np.array(call, dtype=np.int64), times_ns)
    device.driver.wait_for(int(device.plant.queues.ordinary[0]))
    if code:
        raise device.driver.error(name, code)
    return {**percentiles(name, times_ns), "what": "one call from the loop"}


def _python_cost(rig: Rig, device: CudaBackend, tiny: DeviceKernel, stream: int) -> Row:
    times_ns = []
    for _ in range(rig.times(1000)):
        begun_ns = device.now_ns()
        launch_whole(device.driver, tiny, stream)
        times_ns.append(device.now_ns() - begun_ns)
    device.driver.wait_for(stream)
    return {**percentiles("launch through ctypes", times_ns), "what": "one call from Python"}


def _tiny(device: CudaBackend) -> DeviceKernel:
    return device.catalogue.spinning([SpinBlock("tiny", 1, 0, threads=32)])[0]


def _echo(rig: Rig, device: CudaBackend, method: int) -> np.ndarray:
    driver = device.driver
    rounds = rig.times(_ROUNDS)
    here, there = driver.allocate_mapped(256)
    flag = there + 128 if method == _BY_MAPPED else driver.allocate(128)
    driver.copy_in(flag, bytes(4)) if method != _BY_MAPPED else None
    kernel = DeviceKernel(
        name="echo",
        functions=Functions(plain=driver.function(driver.load(ECHO_PTX), "heddle_echo")),
        parameters=(word(flag), word(there), half(rounds)),
    )
    stream = int(device.plant.queues.ordinary[0])
    launch_whole(driver, kernel, stream)
    times_ns = np.zeros(rounds, dtype=np.int64)
    places = np.array([here, flag, here + 128, device.plant.calls.flag_stream], dtype=np.int64)
    limit_ns = int(rig.amount(_LIMIT_NS))
    count = _echo_times(device.plant.calls, places, times_ns, method, limit_ns)
    driver.wait_for(stream)
    return times_ns[:count]


@compiled
def _echo_times(calls: Any, places: Any, times_ns: Any, method: int, limit_ns: int) -> int:
    """Raises the flag again and again; how many answers came in time."""
    answer = word_array(places[0], 1)
    here = word_array(places[2], 1)
    for index in range(times_ns.shape[0]):
        value = index + 1
        begun_ns = call_clock(calls.clock)
        if method == _BY_MAPPED:
            atomic_store(here, 0, value)
        elif method == _BY_STREAM:
            call_driver(calls.write, places[3], places[1], value, 0)
        else:
            here[0] = value
            call_driver(calls.copy_in, places[1], places[2], 4, places[3])
        while atomic_load(answer, 0) != value:
            if call_clock(calls.clock) - begun_ns > limit_ns:
                return index
        times_ns[index] = call_clock(calls.clock) - begun_ns
    return len(times_ns)


@compiled
def _repeat(clock: int, call: Any, times_ns: Any) -> int:
    """Makes one call again and again; the first CUresult that is not 0."""
    for index in range(times_ns.shape[0]):
        begun_ns = call_clock(clock)
        code = call_driver(call[0], call[1], call[2], call[3], call[4])
        times_ns[index] = call_clock(clock) - begun_ns
        if code not in (0, 600):
            return int(code)
    return 0
