"""From the PTX of a kernel to functions on the GPU: as it is, checked at its entry, persistent.

The rewriter says which forms a kernel may have; here they are loaded, and a persistent form that holds
far fewer blocks on a multiprocessor than the original is dropped again. ``networks`` and the
benchmarks call this; ``device_kernel`` takes the functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.runtime.cuda.device_kernel import Functions
from heddle.runtime.cuda.driver import Driver
from heddle.runtime.rewriter.entry_check import to_entry_check
from heddle.runtime.rewriter.persistent import to_persistent
from heddle.runtime.rewriter.ptx import Module
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.verdict import judge

_LEAST_OCCUPANCY = 0.5  # of the original's, that a persistent form must keep


@dataclass(frozen=True)
class Code:
    """A kernel as PTX.

    ``threads`` of a block in x, y and z; ``shared_bytes`` of dynamic shared memory.
    """

    ptx: str
    entry: str
    threads: tuple[int, int, int]
    shared_bytes: int = 0


@dataclass(frozen=True)
class Loaded:
    """A kernel on the GPU: its functions, what it is launched with, and why a form is missing.

    ``num_parameters`` counts its own; Triton's kernels have two more than their authors wrote.
    """

    functions: Functions
    code: Code
    num_parameters: int
    remarks: tuple[str, ...] = ()


def load_forms(driver: Driver, code: Code, *, is_rewritten: bool = True) -> Loaded:
    """Loads a kernel in every form that it may have; only as it is, where it shall not be rewritten.

    Raises
    ------
    InputError
        The text is not PTX that the rewriter reads, or has no such entry.
    DriverError
        The GPU cannot run it.
    """
    plain = _load(driver, code, code.ptx)
    module = read_ptx(code.ptx)
    num_parameters = len(module.entry(code.entry).parameters)
    if not is_rewritten:
        return Loaded(Functions(plain=plain), code, num_parameters)
    checked = _load(driver, code, to_entry_check(module, code.entry).text)
    persistent, remarks = _persistent(driver, code, module, plain)
    functions = Functions(plain=plain, checked=checked, persistent=persistent)
    return Loaded(functions, code, num_parameters, remarks)


def _persistent(
    driver: Driver, code: Code, module: Module, plain: int
) -> tuple[int, tuple[str, ...]]:
    verdict = judge(module.entry(code.entry))
    if verdict.form is not Form.PERSISTENT:
        return 0, tuple(str(reason) for reason in verdict.reasons)
    function = _load(driver, code, to_persistent(module, code.entry).text)
    num_threads = code.threads[0] * code.threads[1] * code.threads[2]
    before = driver.occupancy(plain, num_threads, code.shared_bytes)
    after = driver.occupancy(function, num_threads, code.shared_bytes)
    if after < _LEAST_OCCUPANCY * before:
        return 0, (f"its persistent form would hold {after} blocks, the original {before}",)
    return function, ()


def _load(driver: Driver, code: Code, text: str) -> int:
    function = driver.function(driver.load(text.encode()), code.entry)
    if code.shared_bytes:
        driver.set_shared_bytes(function, code.shared_bytes)
    return function
