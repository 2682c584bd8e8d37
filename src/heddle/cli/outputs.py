"""The files that a verb will write, refused before any work is done.

Called first by every verb that writes a file; ``atomic_file`` does the writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heddle.atomic_file import require_writable
from heddle.errors import InputError, Location


def require_outputs(outputs: Sequence[Path | None], inputs: Sequence[Path | None] = ()) -> None:
    """Raise InputError now for what would go wrong when the outputs are written.

    Each can be written, no two are the same file, and none replaces an input; what is
    None is skipped.
    """
    wanted = [path for path in outputs if path is not None]
    require_writable(*wanted)
    taken = {path.resolve(): "it is read" for path in inputs if path is not None}
    for path in wanted:
        if path.resolve() in taken:
            reason = taken[path.resolve()]
            raise InputError(f"cannot write this file: {reason}; name another", Location(path))
        taken[path.resolve()] = "another output goes there"
