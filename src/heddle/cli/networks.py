"""The networks named on a command line: files, files under other names, the zoo's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heddle.errors import InputError, Location
from heddle.serving.profiler.bench import Network
from heddle.serving.zoo.catalogue import PREFIX, entry_of


def read_networks(words: Sequence[str]) -> list[Network]:
    """Return ``FILE``, ``NAME=FILE``, ``zoo:NAME`` or ``NAME=zoo:NAME`` as networks.

    A file without a name is called as it is, without its ending.

    Raises
    ------
    InputError
        A file does not exist, the zoo has no such network, or two have one name.
    """
    networks = [_network(word) for word in words]
    names = [network.name for network in networks]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two networks are called {name!r}; write NAME=FILE to tell them apart"
            )
    return networks


def _network(word: str) -> Network:
    name, has_name, path = word.rpartition("=")
    if has_name and not name.strip():
        raise InputError(f"expected NAME=FILE, found {word!r}")
    if path.startswith(PREFIX):
        entry = entry_of(path.removeprefix(PREFIX))
        return Network(name or entry.name, path)
    file = Path(path)
    if not file.is_file():
        raise InputError(
            f"there is no such file{_hint(path)}; expected an ONNX file or zoo:NAME", Location(file)
        )
    return Network(name or file.stem, str(file.resolve()))


def _hint(path: str) -> str:
    try:
        entry = entry_of(path)
    except InputError:
        return ""
    return f" (did you mean {PREFIX}{entry.name}?)"
