"""From the PTX of a kernel to functions on the GPU: as it is, checked at its entry, persistent.

The rewriter says which forms a kernel may have and assembles them; here they are loaded. Machine
code and not PTX is loaded, since the assembler may be newer than the driver's own compiler.
``networks`` and the benchmarks call this; ``device_kernel`` takes the functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from heddle.runtime.cuda.device_kernel import Functions
from heddle.runtime.cuda.driver import Driver
from heddle.runtime.rewriter.choice import Built, Choice, Wish, choose
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form

_choose = cache(choose)  # assembling takes a tenth of a second; devices are opened again and again


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


def load_forms(driver: Driver, code: Code) -> Loaded:
    """Loads a kernel in every form that it may have.

    Raises
    ------
    InputError
        The text is not PTX that the rewriter reads, or has no such entry.
    HostError
        Triton is missing, or the GPU cannot run the kernel.
    """
    num_parameters = len(read_ptx(code.ptx).entry(code.entry).parameters)
    strong = _choose(code.ptx, _wish(driver, code, Form.PERSISTENT))
    weak = _choose(code.ptx, _wish(driver, code, Form.ENTRY_CHECK))
    functions = Functions(
        plain=_load(driver, code, strong.original),
        checked=_load_if(driver, code, weak, Form.ENTRY_CHECK),
        persistent=_load_if(driver, code, strong, Form.PERSISTENT),
    )
    return Loaded(functions, code, num_parameters, _remarks(strong))


def _wish(driver: Driver, code: Code, strongest: Form) -> Wish:
    major, minor = driver.gpu.capability
    suffix = "a" if major >= 9 else ""
    return Wish(
        entry_name=code.entry,
        architecture=f"sm_{major}{minor}{suffix}",
        threads=code.threads[0] * code.threads[1] * code.threads[2],
        shared_bytes=code.shared_bytes,
        strongest=strongest,
    )


def _load_if(driver: Driver, code: Code, choice: Choice, form: Form) -> int:
    return _load(driver, code, choice.chosen) if choice.chosen.form is form else 0


def _load(driver: Driver, code: Code, built: Built) -> int:
    image = built.cubin if driver.calls.takes_machine_code else built.text.encode()
    function = driver.function(driver.load(image), code.entry)
    if code.shared_bytes:
        driver.set_shared_bytes(function, code.shared_bytes)
    return function


def _remarks(choice: Choice) -> tuple[str, ...]:
    found = [str(reason) for reason in choice.verdict.reasons]
    found += [f"{form.value}: {why.value}: {text}" for form, why, text in choice.fallbacks]
    return tuple(found)
