"""A change to a workload file before it is read: ``search-embed.latency_ms=80``.

``heddle whatif --set`` makes them; ``files`` applies them to the values of the file,
so that a changed value is checked like a written one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from heddle.documents import Value, parse_yaml
from heddle.errors import InputError, Location, listed, nearest

#: Where an error in a change is said to be.
_ORIGIN = Path("--set")
_EVERY_SERVICE = "*"
_DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Change:
    """One key to set.

    Attributes
    ----------
    target
        The name of a service, ``*`` for all services, ``defaults``, or the type of an
        entry in ``gpus`` as the file writes it.
    key, value
        As they would stand in the file.
    """

    target: str
    key: str
    value: Value

    def apply(self, keys: dict[str, Value]) -> dict[str, Value]:
        """Return the top-level keys of a workload file with the change made.

        Raises
        ------
        InputError
            Nothing in the file has the name of the target.
        """
        if self.target == _DEFAULTS:
            return {**keys, _DEFAULTS: self._set_in(keys.get(_DEFAULTS))}
        for section, name in (("services", "name"), ("gpus", "type")):
            members = _members(keys.get(section))
            chosen = [self._is_meant(member, name) for member in members]
            if any(chosen):
                changed = [
                    self._set_in(member) if is_chosen else member
                    for member, is_chosen in zip(members, chosen, strict=True)
                ]
                return {**keys, section: replace(keys[section], raw=changed)}
        names = [*_names(keys, "services", "name"), *_names(keys, "gpus", "type")]
        raise InputError(
            f"the workload has no {self.target!r}{nearest(self.target, names)}; "
            f"it has {listed([*names, _DEFAULTS])}",
            Location(_ORIGIN),
        )

    def _is_meant(self, member: Value, name: str) -> bool:
        if not isinstance(member.raw, dict) or name not in member.raw:
            return False
        return member.raw[name].raw == self.target or (
            self.target == _EVERY_SERVICE and name == "name"
        )

    def _set_in(self, member: Value | None) -> Value:
        entries = dict(member.raw) if member is not None and isinstance(member.raw, dict) else {}
        entries[self.key] = self.value
        location = member.location if member is not None else self.value.location
        return Value(entries, location)


def parse_change(words: str) -> Change:
    """Return the change that ``target.key=value`` asks for; the value is YAML.

    Raises
    ------
    InputError
        It is not of that form.
    """
    path, equals, text = words.partition("=")
    target, dot, key = path.strip().rpartition(".")
    if not (equals and dot and target and key):
        raise InputError(
            f"expected service.key=value, as in search-embed.latency_ms=80, found {words!r}",
            Location(_ORIGIN),
        )
    return Change(target, key, parse_yaml(text, Location(_ORIGIN, None, path.strip())))


def _members(section: Value | None) -> list[Value]:
    return section.raw if section is not None and isinstance(section.raw, list) else []


def _names(keys: dict[str, Value], section: str, name: str) -> list[str]:
    return [
        str(member.raw[name].raw)
        for member in _members(keys.get(section))
        if isinstance(member.raw, dict) and name in member.raw
    ]
