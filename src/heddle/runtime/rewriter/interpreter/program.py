"""A kernel made ready to run: its instructions as steps over the lanes of a warp.

Made once per kernel and used for every launch. Scopes inside the body (inline assembly makes
them) may declare registers and labels with names used elsewhere; they get names of their own here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from heddle.runtime.rewriter.interpreter import (
    control,
    conversions,
    exchange,
    floats,
    integers,
    tensor,
    transfers,
    warpgroup,
)
from heddle.runtime.rewriter.interpreter.faults import UnsupportedPtxError
from heddle.runtime.rewriter.interpreter.layout import DTYPES, Layout
from heddle.runtime.rewriter.interpreter.step import Maker, Step, unsupported
from heddle.runtime.rewriter.interpreter.warp import Warp
from heddle.runtime.rewriter.ptx import Directive, Instruction, Label, Module, Statement, Variable

_MAKERS: dict[str, Maker] = {
    **integers.MAKERS,
    **floats.MAKERS,
    **conversions.MAKERS,
    **transfers.MAKERS,
    **exchange.MAKERS,
    **tensor.MAKERS,
    **warpgroup.MAKERS,
    "bar": lambda _instruction, _layout: lambda _warp, _mask: None,  # bar.warp.sync
}
_WORD = re.compile(r"[%$\w.]+")
_SCOPED_REGISTERS = re.compile(r"\.reg\s+\.(\w+)\s+(.+?);?$")
_SCOPED_COUNT = re.compile(r"([%\w$]+)<(\d+)>$")
#: Where dynamic shared memory begins is a multiple of this.
_DYNAMIC_ALIGN = 128


@dataclass(frozen=True, slots=True)
class Operation:
    """One instruction: a step or a control, and the slot of its predicate (-1 for none)."""

    step: Step | None
    control: control.Control | None
    predicate: int
    is_negated: bool


class Program:
    """A kernel that can be run.

    Parameters
    ----------
    module, entry_name
        The kernel; without a name the only one of the module.

    Attributes
    ----------
    shared_bytes, local_bytes
        Static shared memory, and local memory per thread.

    Raises
    ------
    UnsupportedPtxError
        The kernel has an instruction that is not known; the location has the line.
    """

    def __init__(self, module: Module, entry_name: str | None = None) -> None:
        self.entry = module.entry(entry_name)
        variables = (*module.variables, *self.entry.variables)
        shared, static = _placed(variables, "shared")
        local, self.local_bytes = _placed(variables, "local")
        self.shared_bytes = -(-static // _DYNAMIC_ALIGN) * _DYNAMIC_ALIGN
        dynamic = {each.name: self.shared_bytes for each in variables if _is_dynamic(each)}
        symbols = {**shared, **local, **dynamic, **self.entry.offsets(), "WARP_SZ": 32}
        self.layout = Layout(symbols)
        for registers in self.entry.registers:
            for name in registers.names:
                self.layout.declare(name, registers.type)
        self.operations = _operations(self.entry.body, self.layout)

    def advance(self, warp: Warp, budget: int) -> int:
        """Run a warp until it stops at a barrier, ends, or has used its budget of instructions.

        Returns
        -------
        int
            The number of instructions run.
        """
        operations = self.operations
        for count in range(budget):
            if warp.pc < 0:
                return count
            operation = operations[warp.pc]
            mask = None if warp.full else warp.mask
            if operation.predicate >= 0:
                votes = warp.values[operation.predicate]
                active = warp.mask & ~votes if operation.is_negated else warp.mask & votes
                if not active.any():
                    warp.go(warp.pc + 1)
                    continue
                mask = None if warp.full and active.all() else active
            if operation.control is not None:
                operation.control(warp, warp.mask if mask is None else mask)
            elif operation.step is not None:
                operation.step(warp, mask)
                warp.go(warp.pc + 1)
        return budget


def _is_dynamic(variable: Variable) -> bool:
    return variable.space == "shared" and variable.bytes == 0


def _placed(variables: tuple[Variable, ...], space: str) -> tuple[dict[str, int], int]:
    """Give each variable of a space an offset; return the offsets and the end."""
    offsets, end = {}, 0
    for variable in variables:
        if variable.space == space and variable.bytes:
            start = -(-end // variable.align) * variable.align
            offsets[variable.name] = start
            end = start + variable.bytes
    return offsets, -(-end // 16) * 16


def _operations(body: tuple[Statement, ...], layout: Layout) -> list[Operation]:
    statements = list(_flattened(body, layout))
    targets: dict[str, int] = {}
    count = 0
    for statement in statements:
        if isinstance(statement, Label):
            targets[statement.name] = count
        else:
            count += 1
    instructions = [each for each in statements if isinstance(each, Instruction)]
    instructions.append(Instruction(None, "exit", ()))
    return [_operation(each, layout, targets) for each in instructions]


def _operation(instruction: Instruction, layout: Layout, targets: dict[str, int]) -> Operation:
    predicate, is_negated = -1, False
    if instruction.predicate:
        is_negated = instruction.predicate.startswith("!")
        predicate = layout.slot(instruction.predicate.lstrip("!"), DTYPES["pred"])
    try:
        moved = control.make_control(instruction, layout, targets)
        step = None if moved else _made(instruction, layout)
    except UnsupportedPtxError:
        raise
    except (KeyError, ValueError, IndexError) as error:
        raise unsupported(instruction) from error
    return Operation(step, moved, predicate, is_negated)


def _made(instruction: Instruction, layout: Layout) -> Step:
    if instruction.name not in _MAKERS:
        raise unsupported(instruction)
    return _MAKERS[instruction.name](instruction, layout)


def _flattened(body: tuple[Statement, ...], layout: Layout) -> Iterator[Instruction | Label]:
    """Yield the body without scopes: names of inner scopes are made unique."""
    scopes: list[dict[str, str]] = []
    for index, statement in enumerate(body):
        if isinstance(statement, Directive):
            _enter(statement.text.strip(), index, body, scopes, layout)
        elif isinstance(statement, Label):
            yield replace(statement, name=_renamed(statement.name, scopes))
        elif not scopes:
            yield statement
        else:
            predicate = statement.predicate
            yield replace(
                statement,
                predicate=_renamed(predicate, scopes) if predicate else None,
                operands=tuple(_renamed(each, scopes) for each in statement.operands),
            )


def _enter(
    text: str,
    index: int,
    body: tuple[Statement, ...],
    scopes: list[dict[str, str]],
    layout: Layout,
) -> None:
    if text == "{":
        scopes.append({name: f"{name}@{index}" for name in _labels_of_scope(body, index)})
    elif text == "}":
        scopes.pop()
    elif text.startswith(".reg") and (found := _SCOPED_REGISTERS.match(text)):
        for name in _declared(found.group(2)):
            unique = f"{name}@{index}" if scopes else name
            layout.declare(unique, found.group(1))
            if scopes:
                scopes[-1][name] = unique


def _labels_of_scope(body: tuple[Statement, ...], index: int) -> Iterator[str]:
    depth = 0
    for statement in body[index:]:
        if isinstance(statement, Directive):
            depth += {"{": 1, "}": -1}.get(statement.text.strip(), 0)
            if depth == 0:
                return
        elif isinstance(statement, Label) and depth == 1:
            yield statement.name


def _declared(text: str) -> Iterator[str]:
    for piece in text.split(","):
        name = piece.strip()
        if many := _SCOPED_COUNT.match(name):
            yield from (f"{many.group(1)}{number}" for number in range(int(many.group(2))))
        else:
            yield name


def _renamed(text: str, scopes: list[dict[str, str]]) -> str:
    def rename(found: re.Match[str]) -> str:
        word = found.group()
        return next((scope[word] for scope in reversed(scopes) if word in scope), word)

    return _WORD.sub(rename, text)
