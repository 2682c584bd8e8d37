"""PTX as data: what a module, a kernel and an instruction are.

The rewriter reads the PTX that Triton, NVRTC and numba-cuda write, judges it, changes it and
writes it again. Only the structure is modelled: instructions stay as opcode and operand text, so
that what is not understood passes through unchanged. ``ptx_reader`` makes these records,
``ptx_writer`` writes them, ``verdict`` judges them and ``interpreter`` runs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from heddle.errors import InputError, Location, listed

#: Bytes of the scalar types; ``pred`` has none in memory.
TYPE_BYTES = {
    "b8": 1, "u8": 1, "s8": 1, "b16": 2, "u16": 2, "s16": 2, "f16": 2, "bf16": 2, "b32": 4,
    "u32": 4, "s32": 4, "f32": 4, "f16x2": 4, "bf16x2": 4, "b64": 8, "u64": 8, "s64": 8, "f64": 8,
    "b128": 16, "pred": 0, "e4m3": 1, "e5m2": 1, "texref": 8, "samplerref": 8, "surfref": 8,
}  # fmt: skip


class UnreadablePtxError(InputError):
    """The text is not PTX that this reader knows; the location has the line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"PTX: {message}", Location(line=line))


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes
    ----------
    predicate
        As written, without the ``@``: ``"%p1"`` or ``"!%p1"``; None when unconditional.
    opcode
        With all its suffixes: ``"ld.global.v2.b32"``.
    operands
        As written, blanks tidied: ``"%r1"``, ``"[%rd1+4]"``, ``"{%f1, %f2}"``, ``"0f3F800000"``.
    line
        Where it stood in the text read; 0 when the rewriter made it.
    """

    predicate: str | None
    opcode: str
    operands: tuple[str, ...]
    line: int = 0

    @property
    def name(self) -> str:
        """The opcode without its suffixes: ``"ld"``."""
        return self.opcode.partition(".")[0]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the name: ``("global", "v2", "b32")``."""
        return tuple(self.opcode.split(".")[1:])


@dataclass(frozen=True, slots=True)
class Label:
    """A place to jump to; a label in a nested scope is known in that scope only."""

    name: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Directive:
    """What is neither instruction nor label: ``{``, ``}``, ``.loc``, ``.pragma``, ``.reg`` inside
    a nested scope, ``.branchtargets``. ``text`` has no semicolon.
    """

    text: str
    line: int = 0


Statement = Instruction | Label | Directive


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a kernel or a function.

    Attributes
    ----------
    type
        ``"u64"``; of an array (a structure passed by value) that of its elements.
    name, align, bytes
        The alignment is the natural one unless written; the size is that of the whole array.
    text
        The declaration as written, from ``.param`` (or ``.reg``) on.
    """

    type: str
    name: str
    align: int
    bytes: int
    text: str


@dataclass(frozen=True, slots=True)
class Registers:
    """Registers declared together: ``%r<115>`` is prefix ``%r`` and count 115 (``%r0`` to
    ``%r114``); one named register has its name as prefix and count None.
    """

    type: str
    prefix: str
    count: int | None = None

    @property
    def names(self) -> Iterator[str]:
        """Every register declared."""
        if self.count is None:
            return iter((self.prefix,))
        return (f"{self.prefix}{number}" for number in range(self.count))


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable in memory.

    Attributes
    ----------
    space
        ``"shared"``, ``"global"``, ``"const"``, ``"local"``; ``"param"`` inside a call sequence.
    align, type, name, bytes
        As for a parameter; ``bytes`` is 0 for an array without a size (dynamic shared memory).
    initial
        What stands behind ``=``, or the empty string.
    text
        The declaration as written, without the semicolon.
    """

    space: str
    align: int
    type: str
    name: str
    bytes: int
    initial: str
    text: str

    @property
    def is_extern(self) -> bool:
        """Whether it is declared here and defined elsewhere, as dynamic shared memory is."""
        return self.text.startswith(".extern")


@dataclass(frozen=True, slots=True)
class Routine:
    """A kernel (``Entry``) or a device function (``Function``).

    Attributes
    ----------
    name
        Its symbol.
    parameters
        In order.
    directives
        What stands between parameters and body: ``".reqntid 128"``.
    registers, variables
        Declared in the outermost scope of the body.
    body
        Statements in order, nested scopes included as ``{`` and ``}``.
    line
        Where it begins in the text.
    linking
        ``".visible"``, ``".weak"``, ``".extern"`` or empty.
    results
        What a function returns; empty for a kernel.
    is_defined
        False for a declaration without a body.
    """

    name: str
    parameters: tuple[Parameter, ...]
    directives: tuple[str, ...]
    registers: tuple[Registers, ...]
    variables: tuple[Variable, ...]
    body: tuple[Statement, ...]
    line: int = 0
    linking: str = ""
    results: tuple[Parameter, ...] = ()
    is_defined: bool = True

    @property
    def instructions(self) -> Iterator[Instruction]:
        """The instructions of the body, in order."""
        return (step for step in self.body if isinstance(step, Instruction))

    def offsets(self) -> dict[str, int]:
        """The offset of every parameter in the argument buffer, in bytes."""
        found, end = {}, 0
        for parameter in self.parameters:
            start = -(-end // parameter.align) * parameter.align
            found[parameter.name] = start
            end = start + parameter.bytes
        return found


class Entry(Routine):
    """A kernel."""

    __slots__ = ()


class Function(Routine):
    """A device function."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Rest:
    """Anything else at the top of a module, kept as text: ``.file``, debug sections, ``.alias``."""

    text: str
    line: int = 0


Item = Variable | Entry | Function | Rest


@dataclass(frozen=True, slots=True)
class Module:
    """A module: ``target`` is ``"sm_90a"``, with options behind commas where there are any."""

    version: str
    target: str
    address_size: int
    items: tuple[Item, ...]

    @property
    def architecture(self) -> str:
        """The target without its options: ``"sm_90a"``."""
        return self.target.partition(",")[0].strip()

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Variables of the module, dynamic shared memory among them."""
        return tuple(item for item in self.items if isinstance(item, Variable))

    @property
    def functions(self) -> tuple[Function, ...]:
        """Device functions, declared and defined."""
        return tuple(item for item in self.items if isinstance(item, Function))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Kernels."""
        return tuple(item for item in self.items if isinstance(item, Entry))

    @property
    def rest(self) -> tuple[Rest, ...]:
        """What is kept as text."""
        return tuple(item for item in self.items if isinstance(item, Rest))

    def entry(self, name: str | None = None) -> Entry:
        """Return the kernel of that name; without a name the only one.

        Raises
        ------
        InputError
            There is no such kernel, or several and no name was given.
        """
        found = [entry for entry in self.entries if name in (None, entry.name)]
        if len(found) == 1:
            return found[0]
        known = listed(entry.name for entry in self.entries) or "none"
        wanted = f"kernel {name!r}" if name else "exactly one kernel"
        raise InputError(f"PTX: {wanted} is needed; the module has: {known}")

    def with_entry(self, name: str, entry: Entry) -> Module:
        """The module with another kernel in the place of the one called ``name``."""
        items = tuple(
            entry if isinstance(item, Entry) and item.name == name else item for item in self.items
        )
        return replace(self, items=items)
