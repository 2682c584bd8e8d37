"""The GPU types that are known: the built-in facts and the user's own files.

Both are the same YAML format. ``workload.files`` adds the user's types before it
reads a fleet; ``heddle gpus`` shows the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import MappingProxyType

from heddle.cluster.gpu_type import UNCUT, GpuType
from heddle.cluster.profile import Profile
from heddle.documents import Value, load_yaml
from heddle.errors import InputError, listed, nearest

_BUILTIN = Path(__file__).with_name("gpu_types.yaml")
_FILE_KEYS = ("version", "sources", "gpu_types")
_TYPE_KEYS = (
    "name",
    "aliases",
    "architecture",
    "memory_gb",
    "compute_slices",
    "memory_units",
    "sms",
    "engines",
    "excludes",
    "evidence",
    "sources",
    "doubts",
    "profiles",
)
_PROFILE_KEYS = (
    "name",
    "compute_slices",
    "size",
    "starts",
    "max_instances",
    "sms",
    "memory_mib",
    "uses",
)
_MAX_UNITS = 64


class Catalogue:
    """GPU types by name and alias; immutable, :meth:`with_types` returns a larger one."""

    def __init__(self, gpu_types: Iterable[GpuType]) -> None:
        self._types: dict[str, GpuType] = {}
        self._by_word: dict[str, GpuType] = {}
        for gpu_type in gpu_types:
            self._add(gpu_type)

    def __iter__(self) -> Iterator[GpuType]:
        return iter(self._types.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all types, in the order they were added."""
        return tuple(self._types)

    def get(self, word: str) -> GpuType:
        """Return the type of that name or alias; InputError names the nearest one.

        Every type with MIG is known under ``NAME-whole`` too: the same GPU with MIG off.
        """
        found = self._by_word.get(word.casefold()) or self._uncut(word.casefold())
        if found is None:
            words = [name for t in self for name in (t.name, *t.aliases)]
            raise InputError(
                f"unknown GPU type {word!r}{nearest(word, words)}; known: {listed(self.names, 40)}"
            )
        return found

    def _uncut(self, folded: str) -> GpuType | None:
        cut = self._by_word.get(folded.removesuffix(UNCUT)) if folded.endswith(UNCUT) else None
        return cut.uncut() if cut is not None and cut.has_mig else None

    def with_types(self, gpu_types: Iterable[GpuType]) -> Catalogue:
        """Return a catalogue with more types; a name that exists is refused."""
        return Catalogue([*self, *gpu_types])

    def _add(self, gpu_type: GpuType) -> None:
        for word in (gpu_type.name, *gpu_type.aliases):
            if word.casefold() in self._by_word:
                raise InputError(f"GPU type {word!r} exists already; give yours a name of its own")
            self._by_word[word.casefold()] = gpu_type
        self._types[gpu_type.name] = gpu_type


@cache
def builtin_catalogue() -> Catalogue:
    """Return the types that come with heddle."""
    return Catalogue(load_gpu_types(_BUILTIN))


def load_sources(path: Path = _BUILTIN) -> dict[str, str]:
    """Return what the source keys of a file (default: the built-in types) stand for."""
    sources = load_yaml(path).raw.get("sources")
    if sources is None or not isinstance(sources.raw, dict):
        return {}
    return {key: value.text() for key, value in sources.raw.items()}


def load_gpu_types(path: Path) -> tuple[GpuType, ...]:
    """Return the GPU types of a YAML file.

    Raises
    ------
    InputError
        A key is unknown, a start lies outside the GPU, a name stands twice, …
    """
    document = load_yaml(path).mapping(_FILE_KEYS, required=("version", "gpu_types"))
    version = document["version"]
    if version.raw != 1 or isinstance(version.raw, bool):
        version.fail(f"this heddle reads version 1, found {version.described}")
    return tuple(_gpu_type(entry) for entry in document["gpu_types"].items("GPU types"))


def _gpu_type(entry: Value) -> GpuType:
    keys = entry.mapping(_TYPE_KEYS, required=("name", "memory_gb", "profiles"))
    units_entry = keys.get("memory_units")
    units = (
        None
        if units_entry is None or units_entry.is_null
        else units_entry.integer(least=1, most=_MAX_UNITS)
    )
    engines = _counters(keys.get("engines"))
    profiles = tuple(_profile(p, units, engines) for p in keys["profiles"].items("profiles"))
    names = [profile.name for profile in profiles]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        keys["profiles"].fail(f"profile {twice!r} stands twice")
    slices = keys.get("compute_slices")
    return GpuType(
        name=keys["name"].text(),
        profiles=profiles,
        compute_slices=(
            slices.integer(least=1) if slices else max(p.compute_slices for p in profiles)
        ),
        memory_units=units,
        memory_gb=keys["memory_gb"].integer(least=0),
        aliases=_texts(keys.get("aliases")),
        architecture=_optional_text(keys.get("architecture")),
        sms=_optional_integer(keys.get("sms")),
        engines=MappingProxyType(engines),
        excludes=_excludes(keys.get("excludes"), names),
        evidence=_optional_text(keys.get("evidence")) or "stated by the user",
        sources=_texts(keys.get("sources")),
        doubts=_texts(keys.get("doubts")),
    )


def _profile(entry: Value, units: int | None, engines: dict[str, int]) -> Profile:
    keys = entry.mapping(_PROFILE_KEYS, required=("name", "size", "starts"))
    size = None if keys["size"].is_null else keys["size"].integer(least=1, most=_MAX_UNITS)
    starts = None if keys["starts"].is_null else _starts(keys["starts"], size, units)
    uses = _counters(keys.get("uses"))
    for engine in uses:
        if engine not in engines:
            keys["uses"].fail(f"the GPU has no engine {engine!r}{nearest(engine, engines)}")
    slices = keys.get("compute_slices")
    most = keys.get("max_instances")
    return Profile(
        name=keys["name"].text(),
        compute_slices=slices.integer(least=1) if slices else 1,
        size=size,
        starts=starts,
        max_instances=most.integer(least=1) if most else len(starts or (0,)),
        sms=_optional_integer(keys.get("sms")),
        memory_mib=_optional_integer(keys.get("memory_mib")),
        uses=MappingProxyType(uses),
    )


def _starts(entry: Value, size: int | None, units: int | None) -> tuple[int, ...]:
    if size is None or units is None:
        entry.fail("starts need a size and the GPU's memory_units")
    starts = [start.integer(least=0) for start in entry.items("starts")]
    outside = [start for start in starts if start + size > units]
    if outside:
        entry.fail(
            f"start {outside[0]} with size {size} ends beyond the GPU's {units} memory units"
        )
    return tuple(sorted(set(starts)))


def _excludes(entry: Value | None, names: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in entry.items("pairs of profiles") if entry else ():
        pair = [member.choice(names) for member in item.items("profiles")]
        if len(pair) != 2 or pair[0] == pair[1]:
            item.fail("expected two different profiles that may not share a GPU")
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def _counters(entry: Value | None) -> dict[str, int]:
    if entry is None:
        return {}
    if not isinstance(entry.raw, dict):
        entry.fail(f"expected names and counts, found {entry.described}")
    return {name: count.integer(least=1) for name, count in entry.raw.items()}


def _texts(entry: Value | None) -> tuple[str, ...]:
    if entry is None or (isinstance(entry.raw, list) and not entry.raw):
        return ()
    return tuple(item.text() for item in entry.items("words"))


def _optional_text(entry: Value | None) -> str:
    return "" if entry is None or entry.is_null else entry.text()


def _optional_integer(entry: Value | None) -> int | None:
    return None if entry is None or entry.is_null else entry.integer(least=1)
