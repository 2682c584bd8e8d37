"""Modules written as PTX text; reading what was written gives the same module."""

from __future__ import annotations

from heddle.runtime.rewriter.ptx import (
    Entry,
    Function,
    Instruction,
    Item,
    Label,
    Module,
    Parameter,
    Registers,
    Routine,
    Statement,
    Variable,
)


def write_ptx(module: Module) -> str:
    """Return the text of a module, without comments; ptxas takes it as it took the original."""
    head = (
        f".version {module.version}\n.target {module.target}\n.address_size {module.address_size}\n"
    )
    return "\n".join((head, *(_item(item) for item in module.items)))


def statement_text(statement: Statement) -> str:
    """Return one statement as a line of PTX."""
    if isinstance(statement, Label):
        return f"{statement.name}:"
    if isinstance(statement, Instruction):
        guard = f"@{statement.predicate} " if statement.predicate else ""
        return f"\t{guard}{statement.opcode} {', '.join(statement.operands)}".rstrip() + ";"
    is_open = statement.text in {"{", "}"} or statement.text.startswith(".loc ")
    return f"\t{statement.text}" if is_open else f"\t{statement.text};"


def _item(item: Item) -> str:
    if isinstance(item, Variable):
        return f"{item.text};\n"
    if isinstance(item, Entry | Function):
        return _routine(item)
    return f"{item.text}\n"


def _routine(routine: Routine) -> str:
    kind = ".entry" if isinstance(routine, Entry) else ".func"
    results = (
        f" ({', '.join(result.text for result in routine.results)})" if routine.results else ""
    )
    head = f"{routine.linking} {kind}{results} {routine.name}{_parameters(routine.parameters)}"
    above = "\n".join((head.strip(), *routine.directives))
    if not routine.is_defined:
        return f"{above}\n;\n"
    lines = [
        *(_registers(registers) for registers in routine.registers),
        *(f"\t{variable.text};" for variable in routine.variables),
        *(statement_text(statement) for statement in routine.body),
    ]
    return "\n".join((above, "{", *lines, "}", ""))


def _parameters(parameters: tuple[Parameter, ...]) -> str:
    if not parameters:
        return "()"
    return "(\n\t" + ",\n\t".join(parameter.text for parameter in parameters) + "\n)"


def _registers(registers: Registers) -> str:
    many = "" if registers.count is None else f"<{registers.count}>"
    return f"\t.reg .{registers.type} \t{registers.prefix}{many};"
