"""Choices kept on disk, so that a kernel is rewritten and assembled once.

A choice is found again by everything it depends on: the PTX, the wish, the sources of the rewriter
and the version of Triton. Each is one JSON file in the user's cache folder; a file that cannot be
read is made anew, a folder that cannot be written to is done without.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from heddle.atomic_file import write_text
from heddle.errors import InputError
from heddle.runtime.rewriter.assemble import Usage
from heddle.runtime.rewriter.choice import Built, Choice, Fallback, Wish, choose
from heddle.runtime.rewriter.reasons import Reason, Verdict, reason_of
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.triton_border import triton_version
from heddle.settings import cache_folder

_UNREADABLE = (OSError, ValueError, KeyError, TypeError)


def choose_stored(text: str, wish: Wish | None = None, folder: Path | None = None) -> Choice:
    """Return what ``choice.choose`` returns, from disk where it was made before.

    Parameters
    ----------
    folder
        Where choices are kept; the folder ``rewriter`` of the user's cache when None.

    Raises
    ------
    UnreadablePtxError, InputError, HostError
        As ``choice.choose`` does.
    """
    wish = wish or Wish()
    place = (folder or cache_folder() / "rewriter") / f"{choice_key(text, wish)}.json"
    with contextlib.suppress(*_UNREADABLE):
        return _from_json(json.loads(place.read_text(encoding="utf-8")))
    choice = choose(text, wish)
    with contextlib.suppress(OSError, InputError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_text(place, json.dumps(_to_json(choice)))
    return choice


def choice_key(text: str, wish: Wish) -> str:
    """Return the name under which a choice is kept: the hash of all that it depends on."""
    asked = asdict(replace(wish, entry_name=wish.entry_name or ""))
    words = json.dumps({**asked, "strongest": wish.strongest.value}, sort_keys=True)
    parts = [text, words, rewriter_version(), triton_version()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def rewriter_version() -> str:
    """Return the hash of the rewriter's own sources: other rules make other kernels."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


def _to_json(choice: Choice) -> dict[str, Any]:
    return {
        "entry_name": choice.entry_name,
        "threads": choice.threads,
        "form": choice.verdict.form.value,
        "reasons": [_reason_to_json(reason) for reason in choice.verdict.reasons],
        "remarks": [_reason_to_json(remark) for remark in choice.verdict.remarks],
        "original": _built_to_json(choice.original),
        "chosen": _built_to_json(choice.chosen),
        "fallbacks": [[form.value, why.value, text] for form, why, text in choice.fallbacks],
    }


def _from_json(found: dict[str, Any]) -> Choice:
    verdict = Verdict(
        Form(found["form"]),
        tuple(reason_of(*reason) for reason in found["reasons"]),
        tuple(reason_of(*remark) for remark in found["remarks"]),
    )
    return Choice(
        found["entry_name"],
        found["threads"],
        verdict,
        _built_from_json(found["original"]),
        _built_from_json(found["chosen"]),
        tuple((Form(form), Fallback(why), text) for form, why, text in found["fallbacks"]),
    )


def _reason_to_json(reason: Reason) -> list[str | int]:
    return [reason.kind.value, reason.line, reason.found]


def _built_to_json(built: Built) -> dict[str, Any]:
    return {
        "form": built.form.value,
        "text": built.text,
        "cubin": base64.b64encode(built.cubin).decode("ascii"),
        "usage": asdict(built.usage),
        "blocks": built.blocks,
    }


def _built_from_json(found: dict[str, Any]) -> Built:
    return Built(
        Form(found["form"]),
        found["text"],
        base64.b64decode(found["cubin"], validate=True),
        Usage(**found["usage"]),
        found["blocks"],
    )
