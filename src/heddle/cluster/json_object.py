"""A JSON file read strictly: every objection names the file and the path in it.

``deployment_file`` reads deployments with it. Unlike ``documents``, which keeps the
line of every value, it wraps objects only, so that 200,000 of them stay cheap.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

from heddle.documents import read_text
from heddle.errors import InputError, Location, listed, nearest

_REQUIRED: Any = object()
#: What a text file cannot hold: deletions and halves of surrogate pairs.
_NOT_IN_TEXT = re.compile("[\x7f\ud800-\udfff]")
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class _Repeating(dict[str, Any]):
    """An object in which a key stands twice."""

    repeated: str = ""


class JsonObject:
    """One JSON object and its place; its methods return a member or raise InputError.

    Every method takes the member's key and, where one may be left out, a default.
    """

    __slots__ = ("_file", "_path", "_raw")

    def __init__(self, raw: Any, path: str, file: Path) -> None:
        self._raw = raw
        self._path = path
        self._file = file
        if type(raw) is not dict:
            self._refuse_shape()

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __contains__(self, key: str) -> bool:
        return key in self._raw

    @property
    def raw(self) -> dict[str, Any]:
        """The members as JSON has them, unchecked."""
        members: dict[str, Any] = self._raw
        return members

    def allow(self, keys: frozenset[str]) -> None:
        """Raise InputError for a key that is not among these."""
        if not self._raw.keys() <= keys:
            key = next(key for key in self._raw if key not in keys)
            self.fail(
                key, f"unknown key {key!r}{nearest(key, keys)}; allowed: {listed(sorted(keys), 30)}"
            )

    def fail(self, key: str, message: str) -> NoReturn:
        """Raise InputError at a member of this object."""
        raise InputError(message, Location(self._file, None, self._path_of(key)))

    def member(self, key: str) -> JsonObject:
        """Return a member that is an object itself."""
        return JsonObject(self._get(key), self._path_of(key), self._file)

    def members(self, key: str) -> list[JsonObject]:
        """Return a member that is a list of objects."""
        path = self._path_of(key)
        return [
            JsonObject(raw, f"{path}[{index}]", self._file)
            for index, raw in enumerate(self._list(key))
        ]

    def words(self, key: str) -> tuple[str, ...]:
        """Return a member that is a list of sentences, empty when it is left out."""
        if key not in self._raw:
            return ()
        found = self._list(key)
        return tuple(
            self._sentence(f"{key}[{index}]", sentence) for index, sentence in enumerate(found)
        )

    def sentence(self, key: str) -> str:
        """Return a member that is text of any kind, empty when it is left out."""
        return self._sentence(key, self._raw.get(key, ""))

    def text(self, key: str, default: str = _REQUIRED) -> str:
        """Return a member that is a name: text, not blank, without line breaks."""
        raw = self._get(key, default)
        if not isinstance(raw, str):
            self.fail(key, f"expected text, found {_described(raw)}")
        if not raw.isprintable() and _NOT_IN_NAMES.search(raw):
            self.fail(key, f"expected a name without line breaks, found {raw!r}")
        if not raw.strip():
            self.fail(key, f"expected a name, found {raw!r}")
        return raw

    def choice(self, key: str, allowed: Collection[str], default: str = _REQUIRED) -> str:
        """Return a member that is one of the allowed words."""
        word = self.text(key, default)
        if word not in allowed:
            self.fail(key, f"unknown {word!r}{nearest(word, allowed)}; allowed: {listed(allowed)}")
        return word

    def boolean(self, key: str, default: bool = _REQUIRED) -> bool:  # noqa: FBT001 (a default)
        """Return a member that is true or false."""
        raw = self._get(key, default)
        if not isinstance(raw, bool):
            self.fail(key, f"expected true or false, found {_described(raw)}")
        return raw

    def integer(self, key: str, least: int, most: int) -> int:
        """Return a member that is a whole number in ``[least, most]``."""
        raw = self._get(key)
        if type(raw) is not int:
            self.fail(key, f"expected a whole number, found {_described(raw)}")
        if not least <= raw <= most:
            self.fail(key, f"expected a whole number from {least} to {most}, found {raw}")
        return raw

    def integers(self, key: str, least: int, most: int) -> list[int]:
        """Return a member that is a list of whole numbers in ``[least, most]``."""
        found = self._list(key)
        for index, raw in enumerate(found):
            if type(raw) is not int or not least <= raw <= most:
                message = f"expected a whole number from {least} to {most}, found {_described(raw)}"
                self.fail(f"{key}[{index}]", message)
        return found

    def numbers(self, key: str) -> list[float]:
        """Return a member that is a list of finite numbers."""
        found = self._list(key)
        for index, raw in enumerate(found):
            if type(raw) not in (int, float) or not math.isfinite(raw):
                message = f"expected a finite number, found {_described(raw)}"
                self.fail(f"{key}[{index}]", message)
        return [float(raw) for raw in found]

    def number(self, key: str, default: float = _REQUIRED) -> float:
        """Return a member that is a finite number."""
        raw = self._get(key, default)
        if type(raw) is float and math.isfinite(raw):
            return raw
        if type(raw) is not int or abs(raw) > 2**1000:
            self.fail(key, f"expected a finite number, found {_described(raw)}")
        return float(raw)

    def positive(self, key: str, most: float) -> float:
        """Return a member that is a number in ``(0, most]``."""
        number = self.number(key)
        if not 0.0 < number <= most:
            self.fail(key, f"expected a number above 0, at most {most:g}, found {number}")
        return number

    def _sentence(self, key: str, raw: Any) -> str:
        if not isinstance(raw, str):
            self.fail(key, f"expected text, found {_described(raw)}")
        if _NOT_IN_TEXT.search(raw):
            self.fail(key, f"expected text without control characters, found {raw!r}")
        return raw

    def _list(self, key: str) -> list[Any]:
        raw = self._get(key)
        if not isinstance(raw, list):
            self.fail(key, f"expected a list, found {_described(raw)}")
        return raw

    def _get(self, key: str, default: Any = _REQUIRED) -> Any:
        found = self._raw.get(key, default)
        if found is _REQUIRED:
            location = Location(self._file, None, self._path)
            raise InputError(f"missing key {key!r}; it is needed here", location)
        return found

    def _path_of(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _refuse_shape(self) -> None:
        location = Location(self._file, None, self._path)
        if isinstance(self._raw, _Repeating):
            raise InputError(f"key {self._raw.repeated!r} stands twice", location)
        raise InputError(f"expected an object {{…}}, found {_described(self._raw)}", location)


def load_json(path: Path, max_mib: int) -> JsonObject:
    """Return the object that a JSON file holds.

    Raises
    ------
    InputError
        The file is missing, unreadable, larger than ``max_mib`` MiB, not UTF-8, not
        JSON (with the line), or not an object.
    """
    return parse_json(read_text(path, max_mib), path)


def parse_json(text: str, source: Path) -> JsonObject:
    """Return the object that a JSON text holds; ``source`` is what objections name.

    Raises
    ------
    InputError
        It is not JSON (with the line), or not an object.
    """
    try:
        raw = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        message = f"not valid JSON: {error.msg} (column {error.colno})"
        raise InputError(message, Location(source, error.lineno)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", Location(source)) from error
    return JsonObject(raw, "", source)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repeating = _Repeating(members)
    keys = [key for key, _ in pairs]
    repeating.repeated = next(key for key in keys if keys.count(key) > 1)
    return repeating


def _described(raw: Any) -> str:
    if raw is None:
        return "null"
    if isinstance(raw, dict):
        return "an object"
    if isinstance(raw, list):
        return "a list"
    if isinstance(raw, int) and abs(raw) > 2**1000:
        return "a number beyond all bounds"
    text = json.dumps(raw, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
