"""The few machine operations that Python has no word for, on elements of ``int64`` arrays.

Sequentially consistent in compiled code; interpreted where numba is missing, for one thread.
"""

from heddle.runtime.compiled import HAS_COMPILER

if HAS_COMPILER:
    from heddle.runtime.atomics.native import (
        atomic_add,
        atomic_load,
        atomic_replace,
        atomic_store,
        call_block,
        call_clock,
        call_driver,
        call_system,
        float_array,
        pause,
        word_array,
    )
else:
    from heddle.runtime.atomics.interpreted import (
        atomic_add,
        atomic_load,
        atomic_replace,
        atomic_store,
        call_block,
        call_clock,
        call_driver,
        call_system,
        float_array,
        pause,
        word_array,
    )

__all__ = [
    "atomic_add",
    "atomic_load",
    "atomic_replace",
    "atomic_store",
    "call_block",
    "call_clock",
    "call_driver",
    "call_system",
    "float_array",
    "pause",
    "word_array",
]
