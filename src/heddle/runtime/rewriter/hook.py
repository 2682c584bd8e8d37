"""Every Triton kernel rewritten as it is compiled, switched on by one line.

``hook.enable()`` makes Triton's last stage assemble two kernels into each binary: the original
under its own name, so that Triton, ``torch.compile`` and real-time work launch it as ever, and
beside it the form that can be stopped, under the name that ``entry_of`` returns. The PTX that
Triton keeps stays the original one. Launching the second kernel is the cuda backend's part, since
it has two parameters more.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import Any

from heddle.errors import HeddleError
from heddle.runtime.rewriter.assemble import assemble
from heddle.runtime.rewriter.choice import Choice, Wish
from heddle.runtime.rewriter.ptx import Entry, Label, Module
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.store import choose_stored, rewriter_version
from heddle.runtime.rewriter.triton_border import StagesHook, set_stages_hook

SUFFIX = "__heddle"
_CubinStage = Callable[[str, MutableMapping[str, Any]], bytes]

_before: list[StagesHook | None] = []


def enable() -> None:
    """Rewrite every Triton kernel that this process compiles from now on.

    Kernels compiled before, and found in Triton's cache without a rewritten form, are compiled
    again: the cache knows them apart. Doing it twice is the same as once.

    Raises
    ------
    HostError
        Triton is not installed or too old; trying again does not help.
    """
    if not _before:
        _before.append(set_stages_hook(_stages))


def disable() -> None:
    """Let Triton compile as before ``enable``; kernels already rewritten stay so."""
    if _before:
        set_stages_hook(_before.pop())


def entry_of(metadata: Any) -> tuple[str, Form]:
    """Return name and form of the kernel to launch so that it can be stopped.

    Parameters
    ----------
    metadata
        ``metadata`` of the compiled kernel; the original's name and OPAQUE where it was compiled
        without the hook or could not be rewritten.
    """
    name = getattr(metadata, "heddle_entry", "") or metadata.name
    return name, Form(getattr(metadata, "heddle_form", "") or Form.OPAQUE.value)


def _stages(
    backend: Any = None,
    stages: MutableMapping[str, Any] | None = None,
    options: Any = None,
    *_: Any,
) -> tuple[str, str] | None:
    """What Triton calls: without stages for its cache key, with stages to change them."""
    if stages is None:
        version = f"heddle-{rewriter_version()}"
        return version, version
    if _before and _before[0]:
        _before[0](backend, stages, options, *_)
    if "ptx" in stages and "cubin" in stages:
        stages["cubin"] = _with_rewritten(stages["cubin"], options)
    return None


def _with_rewritten(stage: _CubinStage, options: Any) -> _CubinStage:
    """The stage that makes the binary, with the rewritten kernel put beside the original."""

    def make_cubin(text: str, metadata: MutableMapping[str, Any]) -> bytes:
        plain = stage(text, metadata)
        metadata.update(heddle_entry="", heddle_form=Form.OPAQUE.value, heddle_reasons=[])
        try:
            return _both(text, metadata, options) or plain
        except HeddleError as error:  # a kernel that cannot be rewritten still has to run
            metadata["heddle_reasons"] = [str(error)]
            return plain

    return make_cubin


def _both(text: str, metadata: MutableMapping[str, Any], options: Any) -> bytes | None:
    flags = _flags(options)
    wish = Wish(shared_bytes=int(metadata.get("shared", 0)), options=flags)
    choice = choose_stored(text, wish)
    metadata["heddle_reasons"] = _reasons(choice)
    if choice.chosen.form is Form.OPAQUE:
        return None
    module, name = beside(read_ptx(text), read_ptx(choice.chosen.text).entry(choice.entry_name))
    binary = assemble(module, None, flags).cubin
    metadata.update(heddle_entry=name, heddle_form=choice.chosen.form.value)
    return binary


def beside(module: Module, rewritten: Entry) -> tuple[Module, str]:
    """Return a module with its kernel and a rewritten form of it, and the name of the latter.

    Labels that only debug sections speak of stay with the original.
    """
    name = rewritten.name + SUFFIX
    body = tuple(
        step for step in rewritten.body if not (isinstance(step, Label) and _is_debug(step.name))
    )
    items = list(module.items)
    last = max(at for at, item in enumerate(items) if isinstance(item, Entry))
    items.insert(last + 1, replace(rewritten, name=name, body=body))
    return replace(module, items=tuple(items)), name


def _is_debug(label: str) -> bool:
    return label.startswith(("$L__tmp", "$L__func_begin", "$L__func_end"))


def _flags(options: Any) -> tuple[str, ...]:
    """The options that change results or that the user asked for, as Triton passes them."""
    fused = () if getattr(options, "enable_fp_fusion", True) else ("--fmad=false",)
    return (*fused, *(getattr(options, "ptx_options", None) or "").split())


def _reasons(choice: Choice) -> list[str]:
    said = [str(reason) for reason in choice.verdict.reasons]
    return said + [f"{form.value}: {why.value}: {text}" for form, why, text in choice.fallbacks]
