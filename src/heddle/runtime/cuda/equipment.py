"""Making a plant: streams, events, records and buffers for every row that a board may fill.

All of it is made when the device is opened, so that nothing is made while work runs. ``backend``
calls this once; the loop uses what comes out.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from heddle.runtime.core.board import Sizes
from heddle.runtime.cuda import codes
from heddle.runtime.cuda.driver import Driver
from heddle.runtime.cuda.options import BEGINNINGS, MAPPED, CudaOptions
from heddle.runtime.cuda.plant import BY_MARKER, HOST_BYTES, Calls, Habits, Plant, new_plant

_FLAG_BYTES: Final = 128  # a line of the GPU's cache for every epoch
_RECORD_HEAD: Final = 4 * codes.BROADCAST
_ALIGNED: Final = 128

MARKER_PTX: Final = b"""
.version 7.8
.target sm_80
.address_size 64
.visible .entry heddle_marker(.param .u64 place)
{
  .reg .b64 %rd<3>;
  .reg .b32 %r<2>;
  .reg .pred %p<2>;
  mov.u32 %r1, %tid.x;
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra done;
  ld.param.u64 %rd1, [place];
  cvta.to.global.u64 %rd1, %rd1;
  mov.u64 %rd2, 1;
  st.volatile.global.u64 [%rd1], %rd2;
done:
  ret;
}
"""


def equip(driver: Driver, sizes: Sizes, options: CudaOptions) -> Plant:
    """A plant for a board of these sizes.

    Raises
    ------
    DriverError
        The GPU has no room, or a call failed.
    """
    record_bytes = _RECORD_HEAD + 4 * driver.gpu.multiprocessors * driver.gpu.blocks
    record_bytes = -(-record_bytes // _ALIGNED) * _ALIGNED
    begins_by = BEGINNINGS[options.begins_by]
    habits = Habits(
        begins_by=begins_by,
        idle_ns=int(options.idle_s * 1e9),
        nap_us=options.nap_us,
        record_bytes=record_bytes,
    )
    least, greatest = driver.priorities()
    marker = _marker(driver) if begins_by == BY_MARKER else 0
    plant = new_plant(sizes, _calls(driver, driver.new_stream(greatest), marker), habits)
    _equip_queues(driver, plant, (least, greatest), is_mapped=options.epoch_by == MAPPED)
    _equip_launches(driver, plant)
    return plant


def _calls(driver: Driver, flag_stream: int, marker: int) -> Calls:
    library = ctypes.CDLL(None)
    address = driver.calls.addresses
    return Calls(
        clock=_address_of(library.clock_gettime),
        nap=_address_of(library.usleep),
        launch=address["cuLaunchKernelEx"],
        record=address["cuEventRecord"],
        query=address["cuEventQuery"],
        wait=address["cuStreamWaitEvent"],
        write=address["cuStreamWriteValue32"],
        copy_in=address["cuMemcpyHtoDAsync"],
        copy_out=address["cuMemcpyDtoHAsync"],
        graph=address["cuGraphLaunch"],
        set_context=address["cuCtxSetCurrent"],
        context=driver.context,
        flag_stream=flag_stream,
        marker=marker,
    )


def _equip_queues(
    driver: Driver, plant: Plant, priorities: tuple[int, int], *, is_mapped: bool
) -> None:
    least, greatest = priorities
    rows = plant.queues
    count = len(rows.flag)
    size_bytes = count * _FLAG_BYTES
    if is_mapped:
        here, there = driver.allocate_mapped(size_bytes)
    else:
        here, there = 0, driver.allocate(size_bytes)
        driver.copy_in(there, bytes(size_bytes))
    for row in range(count):
        rows.urgent[row] = driver.new_stream(greatest)
        rows.ordinary[row] = driver.new_stream(least)
        rows.flag[row] = there + row * _FLAG_BYTES
        rows.flag_here[row] = here + row * _FLAG_BYTES if is_mapped else 0


def _equip_launches(driver: Driver, plant: Plant) -> None:
    rows = plant.launches
    count = len(rows.record)
    records = driver.allocate(count * plant.habits.record_bytes)
    here, there = driver.allocate_mapped(count * HOST_BYTES)
    for row in range(count):
        rows.end_event[row] = driver.new_event()
        rows.begin_event[row] = driver.new_event()
        rows.record[row] = records + row * plant.habits.record_bytes
        rows.buffer[row] = here + row * HOST_BYTES
        rows.buffer_there[row] = there + row * HOST_BYTES


def _marker(driver: Driver) -> int:
    function = driver.function(driver.load(MARKER_PTX), "heddle_marker")
    driver.set_shared_bytes(function, driver.gpu.shared_bytes_per_block)
    return function


def _address_of(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
