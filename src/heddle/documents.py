"""Reads a YAML file into values that know where they stand.

Every value carries its file, line and key, so that whoever reads it (the GPU
catalogue, the workload) can refuse it with a place and a remedy. PyYAML's parser
gives events; values are built from them here, so that depth, aliases and size are
bounded before anything is held in memory, and PyYAML's errors are translated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import yaml

from heddle.errors import InputError, Location, listed, nearest

MIB = 1024 * 1024
#: YAML is written by hand; anything larger is some other file.
MAX_YAML_MIB = 16
#: Lists and mappings within each other; ours need five.
MAX_DEPTH = 50

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What PyYAML's constructors raise for a value that does not fit its explicit tag.
_UNREADABLE = (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError, TypeError)
_TEXT_TAG = "tag:yaml.org,2002:str"
#: What YAML 1.2 and people read as a number and YAML 1.1 does not: 1e3, 2.5E-1.
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Value:
    """One YAML value and its place.

    ``raw`` is a dict of :class:`Value` by key, a list of :class:`Value`, or a
    scalar. The methods return it as the wanted type or raise :class:`InputError`.
    """

    raw: Any
    location: Location

    def fail(self, message: str) -> NoReturn:
        """Raise InputError at this place."""
        raise InputError(message, self.location)

    def mapping(self, allowed: Collection[str], required: Collection[str] = ()) -> dict[str, Value]:
        """Return a mapping whose keys are all allowed and include the required ones."""
        if not isinstance(self.raw, dict):
            self.fail(f"expected keys and values, found {self.described}")
        for key, value in self.raw.items():
            if key not in allowed:
                hint = nearest(key, allowed)
                value.fail(f"unknown key {key!r}{hint}; allowed: {listed(allowed, 20)}")
        missing = [key for key in required if key not in self.raw]
        if missing:
            self.fail(f"missing key {missing[0]!r}; needed: {listed(required)}")
        return dict(self.raw)

    def items(self, noun: str) -> list[Value]:
        """Return a list with at least one element."""
        if not isinstance(self.raw, list):
            self.fail(f"expected a list of {noun}, found {self.described}")
        if not self.raw:
            self.fail(f"expected at least one of {noun}, found an empty list")
        return list(self.raw)

    def text(self) -> str:
        """Return non-empty text; numbers and booleans must be quoted."""
        if not isinstance(self.raw, str):
            self.fail(f"expected text, found {self.described}; put it in quotes")
        if not self.raw.strip() or any(ord(c) < 32 for c in self.raw):
            self.fail(f"expected a name without line breaks, found {self.raw!r}")
        return self.raw

    def choice(self, allowed: Collection[str]) -> str:
        """Return text that is one of the allowed words."""
        word = self.text()
        if word not in allowed:
            self.fail(f"unknown {word!r}{nearest(word, allowed)}; allowed: {listed(allowed)}")
        return word

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.raw, bool):
            self.fail(f"expected true or false, found {self.described}")
        return self.raw

    def number(
        self,
        *,
        above: float = -math.inf,
        least: float = -math.inf,
        most: float = math.inf,
        decimals: int | None = None,
    ) -> float:
        """Return a finite number with ``above < number`` and ``least <= number <= most``.

        With ``decimals`` it has at most so many digits after the point.
        """
        if isinstance(self.raw, bool) or not isinstance(self.raw, int | float):
            self.fail(f"expected a number, found {self.described}")
        number = _as_float(self.raw)
        if not math.isfinite(number):
            self.fail(f"expected a finite number, found {self.described}")
        if number <= above:
            self.fail(f"expected a number above {above:g}, found {self.described}")
        if not least <= number <= most:
            self.fail(f"expected a number {_interval(least, most)}, found {self.described}")
        if decimals is not None and num_decimals(number) > decimals:
            self.fail(f"expected a number with at most {decimals} decimals, found {self.described}")
        return number

    def integer(self, *, least: int, most: int = 1_000_000_000) -> int:
        """Return a whole number in ``[least, most]``."""
        if isinstance(self.raw, bool) or not isinstance(self.raw, int):
            self.fail(f"expected a whole number, found {self.described}")
        if not least <= self.raw <= most:
            self.fail(f"expected a whole number {_interval(least, most)}, found {self.described}")
        return self.raw

    def file_beside(self) -> Path:
        """Return the file named here, relative to the folder of the file this stands in."""
        folder = self.location.file.parent if self.location.file else Path()
        path = folder / self.text()
        try:
            path.stat()
        except FileNotFoundError:
            self.fail(f"there is no file {str(path)!r}; paths are relative to this file")
        except OSError as error:
            self.fail(f"cannot read {str(path)!r}: {(error.strerror or str(error)).lower()}")
        return path

    @property
    def is_null(self) -> bool:
        """Whether it was left empty or written ``null``."""
        return self.raw is None

    @property
    def described(self) -> str:
        """What was found, for messages."""
        if self.raw is None:
            return "nothing"
        if isinstance(self.raw, dict):
            return "keys and values"
        if isinstance(self.raw, list):
            return "a list"
        return _shortened(repr(self.raw))


def load_yaml(path: Path) -> Value:
    """Return the one document of a YAML file.

    An alias stands for the value at its anchor, location included.

    Raises
    ------
    InputError
        The file is missing, a folder, unreadable, larger than 16 MiB, empty, not
        UTF-8, not YAML, nested too deeply, holds several documents, or repeats a key.
    """
    return _parsed(read_text(path, MAX_YAML_MIB), path)


def parse_yaml(text: str, location: Location) -> Value:
    """Return the value that a short YAML text stands for, as if it stood at ``location``.

    Raises
    ------
    InputError
        It is empty or not YAML.
    """
    try:
        value = _parsed(text, location.file or Path())
    except InputError as error:
        raise InputError(error.message, location) from error
    return Value(value.raw, location)


def _parsed(text: str, path: Path) -> Value:
    try:
        loader = _Loader(text)
        try:
            return _Reader(loader, path).document()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"not valid YAML: {error.problem}", Location(path, line)) from error
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"not valid YAML: {reason}", Location(path)) from error


def read_text(path: Path, max_mib: int) -> str:
    """Return a file's text: UTF-8 without its byte order mark, at most ``max_mib`` MiB.

    Raises
    ------
    InputError
        The file is missing, a folder, unreadable, too large, not UTF-8, or holds
        control characters.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            content = stream.read(max_mib * MIB + 1) if size <= max_mib * MIB else b""
    except FileNotFoundError as error:
        raise InputError("there is no such file", Location(path)) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read this file: {reason}", Location(path)) from error
    size = max(size, len(content))
    if size > max_mib * MIB:
        raise InputError(
            f"the file has {math.ceil(size / MIB):,} MiB; at most {max_mib} MiB are read",
            Location(path),
        )
    return _decoded(content, path)


def num_decimals(number: float) -> int:
    """Return how many digits a finite number has after the point, as it prints."""
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _decoded(content: bytes, path: Path) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"not a text file: byte {error.start} is not UTF-8", Location(path, line)
        ) from error
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise InputError(
            f"not a text file: it holds the control character {ord(control.group()):#04x}",
            Location(path, line),
        )
    return text


class _Reader:
    """Builds values from the events of a YAML parser."""

    def __init__(self, loader: Any, path: Path) -> None:
        self._loader = loader
        self._path = path
        self._anchors: dict[str, Value] = {}
        self._scalars: dict[tuple[str | None, str, bool], Any] = {}

    def document(self) -> Value:
        """Return the only document of the stream."""
        self._loader.get_event()
        first = self._loader.get_event()
        if isinstance(first, yaml.StreamEndEvent):
            raise InputError("the file is empty", Location(self._path))
        value = self._value(self._loader.get_event(), "", 0)
        self._loader.get_event()
        after = self._loader.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            line = after.start_mark.line + 1
            raise InputError(
                "a second document begins here; one file holds one", Location(self._path, line)
            )
        return value

    def _value(self, event: Any, key: str, depth: int) -> Value:
        location = Location(self._path, event.start_mark.line + 1, key)
        if isinstance(event, yaml.ScalarEvent):
            value = Value(self._scalar(event, location), location)
        elif isinstance(event, yaml.AliasEvent):
            return self._anchored(event, location)
        elif depth >= MAX_DEPTH:
            raise InputError("the values are nested too deeply", location)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = Value(self._sequence(key, depth), location)
        else:
            value = Value(self._mapping(key, depth), location)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self, key: str, depth: int) -> list[Value]:
        elements: list[Value] = []
        event = self._loader.get_event()
        while not isinstance(event, yaml.SequenceEndEvent):
            elements.append(self._value(event, f"{key}[{len(elements)}]", depth + 1))
            event = self._loader.get_event()
        return elements

    def _mapping(self, key: str, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        event = self._loader.get_event()
        while not isinstance(event, yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise InputError("a key must be a word", Location(self._path, line, key))
            name = event.value
            if name in entries:
                raise InputError(f"key {name!r} stands twice", Location(self._path, line, key))
            inner = f"{key}.{name}" if key else name
            value = self._value(self._loader.get_event(), inner, depth + 1)
            entries[name] = Value(value.raw, Location(self._path, line, inner))
            event = self._loader.get_event()
        return entries

    def _anchored(self, event: Any, location: Location) -> Value:
        if event.anchor not in self._anchors:
            raise InputError(f"alias *{event.anchor} has no anchor before it", location)
        return self._anchors[event.anchor]

    def _scalar(self, event: Any, location: Location) -> Any:
        """Return the scalar; equal ones are shared, they cannot change."""
        key = (event.tag, event.value, event.implicit[0])
        if key not in self._scalars:
            self._scalars[key] = self._resolved(event, location)
        return self._scalars[key]

    def _resolved(self, event: Any, location: Location) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == _TEXT_TAG:
            is_number = event.implicit[0] and _EXPONENT.fullmatch(event.value)
            return float(event.value) if is_number else event.value
        try:
            return self._loader.construct_object(yaml.ScalarNode(tag, event.value))
        except _UNREADABLE as error:
            found = _shortened(event.value)
            raise InputError(f"cannot read the value {found!r}", location) from error


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _interval(least: float, most: float) -> str:
    if most == math.inf:
        return f"of at least {least:,g}"
    if least == -math.inf:
        return f"of at most {_grouped(most)}"
    return f"from {_grouped(least)} to {_grouped(most)}"


def _grouped(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"
