"""PTX text read into records.

One pass over the text: comments are blanked (so that lines keep their numbers), the top of the
module is cut into items, the body of every routine into statements. Covers what Triton, NVRTC and
numba-cuda write, inline assembly with scopes of its own and call sequences included; anything else
inside a body passes through as an instruction with its operands as text.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import replace

from heddle.runtime.rewriter.ptx import (
    TYPE_BYTES,
    Directive,
    Entry,
    Function,
    Instruction,
    Item,
    Label,
    Module,
    Parameter,
    Registers,
    Rest,
    Statement,
    UnreadablePtxError,
    Variable,
)

_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_BLANK = re.compile(r"\s+")
_LABEL = re.compile(r"([A-Za-z_$%][\w$]*)\s*:(?!:)")
_SPACE = r"\.(shared|global|const|local|param)(?:::\w+)?"
_ROUTINE = re.compile(r"(?P<linking>(?:\.(?:visible|weak|extern)\s+)?)\.(?P<kind>entry|func)\b")
_VARIABLE = re.compile(rf"(?:\.(?:visible|weak|extern|common)\s+)?{_SPACE}\b")
_TYPED = re.compile(r"\.(v[248]|[a-z]\w*)")
_DECLARED = re.compile(r"([A-Za-z_$%][\w$]*)((?:\s*\[[^\]]*\])*)\s*$")
_ALIGN = re.compile(r"\.align\s+(\d+)")
_POINTEE = re.compile(r"\.ptr\b(?:\s+\.\w+)?(?:\s+\.align\s+\d+)?")
_ROUTINE_DIRECTIVE = re.compile(r'\.[a-z]\w*(?:\s+(?:"[^"]*"|\d[\d\s,]*))?')
_OPCODE = re.compile(r"[a-z_]\w*(?:(?:\s*)(?:\.|::)\w+(?:::\w+)*)*")
_GUARD = re.compile(r"@\s*(!?)\s*([\w%$]+)\s*")
_TO_LINE_END = (".loc", ".file", ".version", ".target", ".address_size")
_OPENERS, _CLOSERS = "([{", ")]}"


def read_ptx(text: str) -> Module:
    """Return the module that a PTX text describes.

    Raises
    ------
    UnreadablePtxError
        The text is not PTX or uses syntax that is not known; says the line.
    """
    return _Reader(text).module()


def read_statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of a piece of a body: what the rewriter adds is written as PTX too."""
    added = _Reader(text + "}").body()
    return tuple(replace(statement, line=0) for statement in added.statements)


class _Reader:
    """A place in the text that moves on, and what is found from there."""

    def __init__(self, text: str) -> None:
        self._text = _COMMENT.sub(_blanked, text)
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", self._text))]

    def module(self) -> Module:
        head: dict[str, str] = {}
        items: list[Item] = []
        while self._skip_blanks():
            word = next((word for word in _TO_LINE_END[2:] if self._looks_at(word)), None)
            if word:
                head[word] = self._to_line_end().removeprefix(word).strip()
            else:
                items.append(self._item())
        missing = [word for word in _TO_LINE_END[2:4] if word not in head]
        if missing:
            raise UnreadablePtxError(f"there is no {' and no '.join(missing)}", 1)
        size = int(head.get(".address_size", "64"))
        return Module(head[".version"], head[".target"], size, tuple(items))

    def body(self) -> _Body:
        """What stands from here to the closing brace of a routine."""
        return self._body(self._line())

    # the top of a module

    def _item(self) -> Item:
        line = self._line()
        routine = _ROUTINE.match(self._text, self._at)
        if routine:
            self._at = routine.end()
            return self._routine(routine["kind"], routine["linking"].strip(), line)
        if _VARIABLE.match(self._text, self._at):
            return read_variable(self._to_semicolon(), line)
        if self._looks_at(".section"):
            return Rest(self._through_braces(), line)
        if self._looks_at(".file"):
            return Rest(self._to_line_end(), line)
        if self._looks_at("."):
            return Rest(self._to_semicolon() + ";", line)
        found = self._text[self._at : self._at + 30].split("\n")[0]
        raise UnreadablePtxError(f"a directive is needed here, found {found!r}", line)

    def _routine(self, kind: str, linking: str, line: int) -> Entry | Function:
        self._skip_blanks()
        results = self._parameters() if self._looks_at("(") else ()
        self._skip_blanks()
        name = re.compile(r"[\w$]+").match(self._text, self._at)
        if not name:
            raise UnreadablePtxError(f".{kind} needs a name", line)
        self._at = name.end()
        self._skip_blanks()
        parameters = self._parameters() if self._looks_at("(") else ()
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in "{;":
            self._at += 1
        between = self._text[start : self._at]
        directives = tuple(found.strip() for found in _ROUTINE_DIRECTIVE.findall(between))
        is_defined = self._looks_at("{")
        self._at += 1
        body = self._body(line) if is_defined else _Body()
        make = Entry if kind == "entry" else Function
        return make(
            name[0], parameters, directives, tuple(body.registers), tuple(body.variables),
            tuple(body.statements), line, linking, results, is_defined,
        )  # fmt: skip

    def _parameters(self) -> tuple[Parameter, ...]:
        line = self._line()
        end = self._text.find(")", self._at)
        if end < 0:
            raise UnreadablePtxError("the parameters have no closing parenthesis", line)
        inside = self._text[self._at + 1 : end]
        self._at = end + 1
        return tuple(_parameter(part, line) for part in inside.split(",") if part.strip())

    # the body of a routine

    def _body(self, opened: int) -> _Body:
        body = _Body()
        while self._skip_blanks():
            if self._looks_at("}") and body.depth == 0:
                self._at += 1
                return body
            self._statement(body)
        raise UnreadablePtxError("the body that begins here does not end", opened)

    def _statement(self, body: _Body) -> None:
        line = self._line()
        letter = self._text[self._at]
        if letter in "{}":
            self._at += 1
            body.depth += 1 if letter == "{" else -1
            body.statements.append(Directive(letter, line))
        elif letter == ";":
            self._at += 1
        elif letter == ".":
            text = (
                self._to_line_end()
                if re.match(r"\.loc\s", self._text[self._at : self._at + 5])
                else self._to_semicolon()
            )
            body.declare(text, line)
        elif label := _LABEL.match(self._text, self._at):
            self._at = label.end()
            body.statements.append(Label(label[1], line))
        else:
            body.statements.append(_instruction(self._to_semicolon(), line))

    # moving on

    def _skip_blanks(self) -> bool:
        """Move to the next word; False at the end of the text."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._at < len(self._text)

    def _looks_at(self, word: str) -> bool:
        return self._text.startswith(word, self._at)

    def _line(self) -> int:
        return bisect.bisect_right(self._line_starts, self._at)

    def _to_line_end(self) -> str:
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end
        return self._taken(end, end)

    def _to_semicolon(self) -> str:
        end = self._text.find(";", self._at)
        if end < 0:
            raise UnreadablePtxError("the statement has no semicolon", self._line())
        return self._taken(end, end + 1)

    def _through_braces(self) -> str:
        start = self._at
        opened = self._text.find("{", start)
        end = self._text.find("}", opened)
        if opened < 0 or end < 0:
            raise UnreadablePtxError("the section has no closing brace", self._line())
        self._at = end + 1
        lines = (line.rstrip() for line in self._text[start : end + 1].split("\n"))
        return "\n".join(line for line in lines if line)

    def _taken(self, end: int, resume: int) -> str:
        taken = self._text[self._at : end]
        self._at = resume
        return taken.strip() if '"' in taken else _BLANK.sub(" ", taken).strip()


class _Body:
    """What the statements of a routine add up to."""

    def __init__(self) -> None:
        self.depth = 0
        self.registers: list[Registers] = []
        self.variables: list[Variable] = []
        self.statements: list[Statement] = []

    def declare(self, text: str, line: int) -> None:
        """Take a directive: a declaration of the outermost scope, or a statement."""
        if self.depth == 0 and text.startswith(".reg"):
            self.registers.extend(read_registers(text, line))
        elif self.depth == 0 and _VARIABLE.match(text):
            self.variables.append(read_variable(text, line))
        else:
            self.statements.append(Directive(text, line))


def read_registers(text: str, line: int = 0) -> tuple[Registers, ...]:
    """Return what ``.reg .b32 %r<9>`` or ``.reg .pred p, q`` declares."""
    words = text.removeprefix(".reg").strip()
    found = re.match(r"((?:\.\w+\s*)+)(.*)$", words, re.DOTALL)
    if not found:
        raise UnreadablePtxError(f"{text!r} declares no register", line)
    kind = ".".join(_TYPED.findall(found[1]))
    return tuple(_register(kind, name.strip(), line) for name in found[2].split(","))


def read_variable(text: str, line: int = 0) -> Variable:
    """Return what ``.shared .align 4 .b8 tile[1024]`` declares, with or without a value."""
    declared, _, initial = (part.strip() for part in text.partition("="))
    space = _VARIABLE.match(declared)
    name = _DECLARED.search(declared)
    if not space or not name:
        raise UnreadablePtxError(f"{text!r} declares no variable", line)
    kind, align, size = _layout(declared[space.end() : name.start()], name[2], line)
    return Variable(space[1], align, kind, name[1], size, initial, text)


def _parameter(text: str, line: int) -> Parameter:
    text = _BLANK.sub(" ", text).strip()
    name = _DECLARED.search(text)
    if not name or not text.startswith((".param", ".reg")):
        raise UnreadablePtxError(f"{text!r} is not a parameter", line)
    words = _POINTEE.sub("", text[: name.start()]).partition(" ")[2]
    kind, align, size = _layout(words, name[2], line)
    return Parameter(kind, name[1], align, size, text)


def _layout(words: str, dimensions: str, line: int) -> tuple[str, int, int]:
    """Type, alignment and size in bytes of a declaration."""
    align = _ALIGN.search(words)
    kinds = [kind for kind in _TYPED.findall(_ALIGN.sub("", words)) if kind in TYPE_BYTES]
    lanes = re.search(r"\.v([248])\b", words)
    if not kinds:
        raise UnreadablePtxError(f"no type that is known in {words.strip()!r}", line)
    size = TYPE_BYTES[kinds[0]] * (int(lanes[1]) if lanes else 1)
    natural = size
    for length in re.findall(r"\[\s*(\w*)\s*\]", dimensions):
        size *= int(length, 0) if length else 0
    return kinds[0], int(align[1]) if align else natural, size


def _register(kind: str, name: str, line: int) -> Registers:
    many = re.fullmatch(r"([\w%$]+)<(\d+)>", name)
    if many:
        return Registers(kind, many[1], int(many[2]))
    if not re.fullmatch(r"[\w%$]+", name):
        raise UnreadablePtxError(f"{name!r} is not the name of a register", line)
    return Registers(kind, name)


def _instruction(text: str, line: int) -> Instruction:
    guard = _GUARD.match(text)
    start = guard.end() if guard else 0
    opcode = _OPCODE.match(text, start)
    if not opcode:
        raise UnreadablePtxError(f"{text[:40]!r} is not an instruction", line)
    return Instruction(
        f"{guard[1]}{guard[2]}" if guard else None,
        _BLANK.sub("", opcode[0]),
        _operands(text[opcode.end() :], line),
        line,
    )


def _operands(text: str, line: int) -> tuple[str, ...]:
    """Cut at the commas that stand in no bracket."""
    if not any(letter in text for letter in _OPENERS):
        return tuple(_BLANK.sub("", part) for part in text.split(",") if part.strip())
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in _OPENERS) - (letter in _CLOSERS)
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if depth:
        raise UnreadablePtxError(f"brackets do not match in {text.strip()[:60]!r}", line)
    parts.append(text[start:])
    return tuple(_BLANK.sub("", part).replace(",", ", ") for part in parts if part.strip())


def _blanked(comment: re.Match[str]) -> str:
    """A string stays; of a comment only the ends of lines stay."""
    text = comment[0]
    return text if text.startswith('"') else "\n" * text.count("\n") or " "
