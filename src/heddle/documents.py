"""Reads a YAML file into values that know where they stand.

Every value carries its file, line and key, so that whoever reads it (the GPU
catalogue, the workload) can refuse it with a place and a remedy. PyYAML's safe
loader does the parsing; its errors are translated here.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from heddle.errors import InputError, Location, listed, nearest

MIB = 1024 * 1024
#: YAML is written by hand; anything larger is some other file.
MAX_YAML_MIB = 16
#: More values than this come from aliases that multiply each other.
MAX_VALUES = 2_000_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        self, *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf
    ) -> float:
        """Return a finite number with ``above < number`` and ``least <= number <= most``."""
        if isinstance(self.raw, bool) or not isinstance(self.raw, int | float):
            self.fail(f"expected a number, found {self.described}")
        number = _as_float(self.raw)
        if not math.isfinite(number):
            self.fail(f"expected a finite number, found {self.described}")
        if number <= above:
            self.fail(f"expected a number above {above:g}, found {number:g}")
        if not least <= number <= most:
            self.fail(f"expected a number {_interval(least, most)}, found {number:g}")
        return number

    def integer(self, *, least: int, most: int = 1_000_000_000) -> int:
        """Return a whole number in ``[least, most]``."""
        if isinstance(self.raw, bool) or not isinstance(self.raw, int):
            self.fail(f"expected a whole number, found {self.described}")
        if not least <= self.raw <= most:
            self.fail(f"expected a whole number {_interval(least, most)}, found {self.raw}")
        return self.raw

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
        text = repr(self.raw)
        return text if len(text) <= 60 else text[:57] + "..."


def load_yaml(path: Path) -> Value:
    """Return the one document of a YAML file.

    Raises
    ------
    InputError
        The file is missing, a folder, unreadable, larger than 16 MiB, empty, not
        UTF-8, not YAML, holds several documents, or repeats a key.
    """
    text = read_text(path, MAX_YAML_MIB)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"not valid YAML: {error.problem}", Location(path, line)) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"not valid YAML: {error}", Location(path)) from error
    if node is None:
        raise InputError("the file is empty", Location(path))
    return _Converter(path).convert(node, "", 0)


def read_text(path: Path, max_mib: int) -> str:
    """Return a file's text (UTF-8, byte order mark dropped), refused above ``max_mib`` MiB."""
    try:
        size = path.stat().st_size
        if size > max_mib * MIB:
            raise InputError(
                f"the file has {size / MIB:,.0f} MiB; at most {max_mib} MiB are read",
                Location(path),
            )
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError("there is no such file", Location(path)) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"not a text file: byte {error.start} is not UTF-8", Location(path)
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read this file: {reason}", Location(path)) from error


class _Converter:
    """Turns YAML nodes into values, counting them."""

    _MAX_DEPTH = 50

    def __init__(self, path: Path) -> None:
        self._path = path
        self._constructor = yaml.SafeLoader("")
        self._num_values = 0

    def convert(self, node: yaml.Node, key: str, depth: int) -> Value:
        location = Location(self._path, node.start_mark.line + 1, key)
        self._num_values += 1
        if self._num_values > MAX_VALUES or depth > self._MAX_DEPTH:
            raise InputError("too many or too deeply nested values", location)
        if isinstance(node, yaml.MappingNode):
            return Value(self._mapping(node, key, depth), location)
        if isinstance(node, yaml.SequenceNode):
            children = (
                self.convert(child, f"{key}[{index}]", depth + 1)
                for index, child in enumerate(node.value)
            )
            return Value(list(children), location)
        return Value(self._scalar(node, location), location)

    def _mapping(self, node: yaml.MappingNode, key: str, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        for name_node, value_node in node.value:
            location = Location(self._path, name_node.start_mark.line + 1, key)
            name = name_node.value
            if not isinstance(name_node, yaml.ScalarNode):
                raise InputError("a key must be a word", location)
            if name in entries:
                raise InputError(f"key {name!r} stands twice", location)
            inner = f"{key}.{name}" if key else name
            value = self.convert(value_node, inner, depth + 1)
            at_key = Location(self._path, name_node.start_mark.line + 1, inner)
            entries[name] = Value(value.raw, at_key)
        return entries

    def _scalar(self, node: yaml.Node, location: Location) -> Any:
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise InputError(f"cannot read the value {node.value!r}", location) from error


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _interval(least: float, most: float) -> str:
    if most == math.inf or most == 1_000_000_000:
        return f"of at least {least:g}"
    if least == -math.inf:
        return f"of at most {most:g}"
    return f"from {least:g} to {most:g}"
