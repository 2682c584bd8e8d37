"""CUDA C++ compiled to PTX with NVRTC, through the library of the nvidia-cuda-nvrtc wheel.

The wheel needs neither a driver nor a toolkit. This is the only module that loads the library.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from heddle.errors import InputError
from heddle.runtime.rewriter.corpus.kernel import Compiled, Triple
from heddle.runtime.rewriter.corpus.unavailable import SourceUnavailableError

_WANTED = "install it: pip install nvidia-cuda-nvrtc-cu12"
_SUCCESS = 0


@dataclass(frozen=True, slots=True)
class NvrtcSource:
    """A kernel in CUDA C++ without headers, declared ``extern "C"``.

    Attributes
    ----------
    text, entry
        The source and the name of its kernel.
    threads
        Of a block.
    shared_bytes
        Dynamic shared memory of a launch.
    """

    text: str
    entry: str
    threads: Triple = (64, 1, 1)
    shared_bytes: int = 0

    @property
    def origin(self) -> str:
        """``"nvrtc"``."""
        return "nvrtc"

    def compile(self, target: int) -> Compiled:
        """Return the PTX for a compute capability."""
        options = (f"--gpu-architecture=compute_{target}", "--std=c++17")
        ptx = _compile(_library(), self.text, options)
        return Compiled(ptx, self.entry, self.threads, self.shared_bytes)


@cache
def _library() -> Any:
    for path in _places():
        try:
            return ctypes.CDLL(str(path))
        except OSError:
            continue
    raise SourceUnavailableError(f"NVRTC is not installed; {_WANTED}")


def _places() -> Iterable[Path]:
    try:
        package = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        package = None
    folders = package.submodule_search_locations or () if package else ()
    for folder in folders:
        yield from sorted(Path(folder).glob("lib/libnvrtc.so.*"))


def _compile(library: Any, text: str, options: tuple[str, ...]) -> str:
    program = ctypes.c_void_p()
    made = library.nvrtcCreateProgram(
        ctypes.byref(program), text.encode(), b"corpus.cu", 0, None, None
    )
    if made != _SUCCESS:
        raise SourceUnavailableError(f"NVRTC does not work here (result {made}); {_WANTED}")
    try:
        words = (ctypes.c_char_p * len(options))(*(each.encode() for each in options))
        if library.nvrtcCompileProgram(program, len(options), words) != _SUCCESS:
            raise InputError(f"NVRTC: {_text(library, 'nvrtcGetProgramLog', program)}")
        return _text(library, "nvrtcGetPTX", program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(library: Any, function: str, program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    getattr(library, f"{function}Size")(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    getattr(library, function)(program, buffer)
    return buffer.value.decode()
