"""The border to numba: the same source compiled where numba is installed, interpreted where not.

The hot loops of the runtime (the dispatcher, the policies, the simulated device, the workers of the
cpu device) are ordinary functions over arrays. ``compiled`` turns them into machine code that runs
without the interpreter lock. Where numba is missing they run interpreted, slower by two orders of
magnitude, with the same results. Real devices need the compiled form, since only it runs beside a
busy interpreter: they call ``require_compiler`` first.

Machine code is kept between runs. numba looks at the file of a function only, not at the files of
what it calls, so a folder of its own belongs to every state of the sources that it may call: its
own package, ``core`` and ``atomics``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from heddle.errors import HostError
from heddle.settings import cache_folder

F = TypeVar("F", bound=Callable[..., Any])

try:
    import numba as _numba
except ImportError:  # the extra "runtime" is not installed
    _numba = None

HAS_COMPILER = _numba is not None


def require_compiler() -> None:
    """Refuses where numba is missing; trying again does not help.

    Raises
    ------
    HostError
        numba cannot be imported; says how to install it.
    """
    if not HAS_COMPILER:
        raise HostError(
            "this device needs numba, which is not installed: pip install 'heddle-gpu[runtime]'",
            is_retryable=False,
        )


def compiled(function: F) -> F:
    """The function as machine code without the interpreter lock, kept on disk between runs.

    It becomes part of the machine code of compiled functions that call it: a call with a board
    copies some hundred words, which costs more than most of what is called.
    """
    return _machine_code(function, has_wrapper=True)


def inner(function: F) -> F:
    """As ``compiled``, for functions that only compiled code calls, which halves compile time.

    Where numba is installed Python cannot call it: the process would end.
    """
    return _machine_code(function, has_wrapper=False)


def _machine_code(function: F, *, has_wrapper: bool) -> F:
    if not HAS_COMPILER:
        return function
    with _kept_in(_sources_digest(function.__code__.co_filename)):
        decorated: F = _numba.njit(
            cache=True,
            nogil=True,
            error_model="numpy",
            forceinline=True,
            no_cpython_wrapper=not has_wrapper,
            no_cfunc_wrapper=not has_wrapper,
            _nrt=False,
        )(function)
    return decorated


def block_kernel(function: Callable[[int, Any], None]) -> Any:
    """A block of a kernel as a C function ``void(int64 block, int64 *arguments)``.

    ``arguments`` points to the kernel's argument words: addresses of arrays and whole numbers;
    ``atomics.float_array`` and ``atomics.word_array`` make arrays of addresses. The result has
    ``address``, what a kernel's handle is.
    """
    require_compiler()
    types = _numba.types
    signature = types.void(types.int64, types.CPointer(types.int64))
    with _kept_in(_sources_digest(function.__code__.co_filename)):
        return _numba.cfunc(signature, cache=True, nopython=True, error_model="numpy")(function)


def is_kept(source: str) -> bool:
    """Whether machine code of the module at a path was kept, from the sources as they are now."""
    return HAS_COMPILER and _folder_of(_sources_digest(source)).is_dir()


@contextmanager
def _kept_in(digest: str) -> Iterator[None]:
    before = _numba.config.CACHE_DIR
    _numba.config.CACHE_DIR = str(_folder_of(digest))
    try:
        yield
    finally:
        _numba.config.CACHE_DIR = before


def _folder_of(digest: str) -> Path:
    told = _numba.config.CACHE_DIR
    return (Path(told) if told else cache_folder() / "compiled") / digest


@cache
def _sources_digest(source: str) -> str:
    own = Path(__file__).parent
    digest = blake2b(_numba.__version__.encode(), digest_size=8)
    digest.update(Path(__file__).read_bytes())
    for folder in (own / "core", own / "atomics", Path(source).parent):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
