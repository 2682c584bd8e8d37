"""The judgement over a kernel: may it stop between its blocks, at its entry only, or not at all.

``judge`` looks for everything that makes the persistent form unsafe and gives each a name, a line
and a sentence. What it does not know to be safe it refuses. ``persistent`` and ``entry_check``
carry out what it allows; ``assemble`` may still fall back when the result is too slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from heddle.runtime.rewriter.flow import Flow, flow_of
from heddle.runtime.rewriter.ptx import Entry, Instruction, Module, Routine
from heddle.runtime.rewriter.reasons import (
    BARS_EVERYTHING,
    Hindrance,
    Reason,
    Remark,
    Verdict,
)
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.uniformity import parting, varying
from heddle.runtime.rewriter.waiting import waits

#: Bytes of all parameters that every architecture and PTX version takes.
MAX_PARAMETER_BYTES = 4352
_OLDEST_TARGET = 70
#: Functions of the CUDA run time that neither know the block index nor wait.
_KNOWN_FUNCTIONS = {"vprintf", "malloc", "free", "__assertfail", "__assert_fail"}
_LAUNCHES = re.compile(
    r"cuda(?:CDP\w*|LaunchDevice\w*|GetParameterBuffer\w*|Device\w*)|__cudaCDP\w*"
)

_OPCODES = (
    (re.compile(r"mbarrier\.init\b"), Hindrance.MBARRIER),
    (re.compile(r"barrier\.cluster\b|mapa\b|getctarank\b|clusterlaunch"), Hindrance.CLUSTER),
    (re.compile(r".*\.multicast::cluster\b|.*\.cta_group::2\b"), Hindrance.CLUSTER),
    (re.compile(r"griddepcontrol\b"), Hindrance.DEPENDENT_LAUNCH),
    (re.compile(r"setmaxnreg\b|bar(?:rier)?(?:\.cta)?\.arrive\b"), Hindrance.WARP_SPECIALISED),
    (re.compile(r"tcgen05\b"), Hindrance.TENSOR_MEMORY),
    (re.compile(r"tex\b|tld4\b|txq\b|suld\b|sust\b|sured\b|suq\b"), Remark.TEXTURES),
    (re.compile(r"atom\b|red\b"), Remark.NOT_REPLAYABLE),
)  # fmt: skip
_REGISTERS = (
    (re.compile(r"%n?cluster\w*|%is_explicit_cluster|%\w*cluster_cta\w*"), Hindrance.CLUSTER),
    (re.compile(r"%n?smid\b"), Hindrance.SMID),
    (re.compile(r"%gridid\b"), Hindrance.GRIDID),
    (re.compile(r"%envreg\d+"), Hindrance.COOPERATIVE),
    (re.compile(r"%n?ctaid\b(?!\.[xyz])"), Hindrance.INDEX_FORM),
)
_DIRECTIVES = re.compile(
    r"\.(?:explicitcluster|reqnctapercluster|maxclusterrank|blocksareclusters)"
)
_BLOCK_INDEX = re.compile(r"%n?ctaid\b")
_BARRIER = re.compile(r"bar(?:rier)?(?:\.cta)?\.(?:sync|red|arrive)\b")


def judge(module: Module, entry_name: str | None = None) -> Verdict:
    """Return how far a kernel can be stopped, with the first of each reason against more.

    Parameters
    ----------
    entry_name
        Which kernel; the only one when None.

    Raises
    ------
    InputError
        There is no such kernel.
    """
    entry = module.entry(entry_name)
    found = tuple(_findings(module, entry))
    reasons = _first_of_each(reason for reason in found if isinstance(reason.kind, Hindrance))
    remarks = _first_of_each(reason for reason in found if isinstance(reason.kind, Remark))
    return Verdict(_form(reasons), reasons, remarks)


def is_barrier(step: Instruction) -> bool:
    """Whether an instruction is a barrier of the block."""
    return _BARRIER.match(step.opcode) is not None


def _form(reasons: tuple[Reason, ...]) -> Form:
    if not reasons:
        return Form.PERSISTENT
    if any(reason.kind in BARS_EVERYTHING for reason in reasons):
        return Form.OPAQUE
    return Form.ENTRY_CHECK


def _first_of_each(found: Iterable[Reason]) -> tuple[Reason, ...]:
    first: dict[Hindrance | Remark, Reason] = {}
    for reason in found:
        first.setdefault(reason.kind, reason)
    return tuple(first.values())


def _findings(module: Module, entry: Entry) -> Iterator[Reason]:
    """Everything worth a word, by line of thought."""
    yield from _frame(module, entry)
    if not entry.is_defined:
        return
    callees = _callees(module, entry)
    for routine in (entry, *callees.values()):
        yield from _in_words(routine)
    yield from _calls(entry, callees)
    flow = flow_of(entry)
    if flow.num_unknown:
        yield Reason(Hindrance.INDIRECT_BRANCH)
        return
    with_barrier = {name for name, callee in callees.items() if _has_barrier(callee)}
    yield from _partings(flow, with_barrier)
    yield from waits(flow)
    yield from _unwaited(entry)


def _frame(module: Module, entry: Entry) -> Iterator[Reason]:
    """What is wrong around the body."""
    if not entry.is_defined:
        yield Reason(Hindrance.NOT_DEFINED, entry.line)
    number = re.search(r"sm_(\d+)", module.target)
    if number and int(number[1]) < _OLDEST_TARGET:
        yield Reason(Hindrance.OLD_TARGET, 0, module.target)
    size = max((at + 8 for at in entry.offsets().values()), default=0)
    size = max(size, sum(parameter.bytes for parameter in entry.parameters)) + 16
    if size > MAX_PARAMETER_BYTES:
        yield Reason(Hindrance.PARAMETERS, entry.line, f"{size} of {MAX_PARAMETER_BYTES} bytes")
    for directive in entry.directives:
        if _DIRECTIVES.match(directive):
            yield Reason(Hindrance.CLUSTER, entry.line, directive)


def _in_words(routine: Routine) -> Iterator[Reason]:
    """What single instructions give away."""
    for step in routine.instructions:
        for pattern, kind in _OPCODES:
            if pattern.match(step.opcode):
                yield Reason(kind, step.line, step.opcode)
        words = " ".join(step.operands)
        if "%" in words:
            for pattern, kind in _REGISTERS:
                if register := pattern.search(words):
                    yield Reason(kind, step.line, register[0])


def _callees(module: Module, entry: Entry) -> dict[str, Routine]:
    """The functions of the module that a kernel may come to."""
    known = {function.name: function for function in module.functions if function.is_defined}
    found: dict[str, Routine] = {}
    left: list[Routine] = [entry]
    while left:
        for _, name in _called(left.pop()):
            if name in known and name not in found:
                found[name] = known[name]
                left.append(known[name])
    return found


def _called(routine: Routine) -> Iterator[tuple[Instruction, str]]:
    """Each call with the name of what is called, a register when the call is indirect."""
    for step in routine.instructions:
        if step.name == "call":
            names = [operand for operand in step.operands if not operand.startswith("(")]
            yield step, names[0] if names else ""


def _calls(entry: Entry, callees: dict[str, Routine]) -> Iterator[Reason]:
    for routine in (entry, *callees.values()):
        for step, name in _called(routine):
            if _LAUNCHES.match(name):
                yield Reason(Hindrance.CHILD_KERNELS, step.line, name)
            elif name not in callees and name not in _KNOWN_FUNCTIONS:
                yield Reason(Hindrance.CALL, step.line, name)
    for name, callee in callees.items():
        if any(is_barrier(step) for step in callee.instructions) and flow_of(callee).branches():
            yield Reason(Hindrance.CALL, callee.line, f"{name}: a barrier among branches")
        for step in callee.instructions:
            if step.name == "exit" or _BLOCK_INDEX.search(" ".join(step.operands)):
                yield Reason(Hindrance.CALL, step.line, f"{name}: {step.opcode}")


def _has_barrier(routine: Routine) -> bool:
    return any(is_barrier(step) or step.name == "call" for step in routine.instructions)


def _partings(flow: Flow, with_barrier: set[str]) -> Iterator[Reason]:
    """Barriers that only some threads of a block may come to."""
    for branch in parting(flow, varying(flow)):
        meeting = flow.meeting(branch)
        is_last = not _barriers(flow, flow.reachable([meeting]), with_barrier)
        barriers = _barriers(flow, flow.between(branch), with_barrier)
        if barriers:
            kind = Hindrance.EARLY_RETURN if is_last else Hindrance.PARTED_BARRIER
            yield Reason(kind, flow.condition(branch).line, barriers[0].opcode)
        elif is_last and _leaves_at_once(flow, meeting):
            yield Reason(Remark.EARLY_EXIT, flow.condition(branch).line)


def _leaves_at_once(flow: Flow, stretch: int) -> bool:
    return stretch == flow.end or flow.steps[flow.stretches[stretch][0]].name in {"ret", "exit"}


def _barriers(flow: Flow, stretches: set[int], with_barrier: set[str]) -> list[Instruction]:
    return [
        step
        for step in flow.inside(stretches - {flow.end})
        if is_barrier(step) or (step.name == "call" and with_barrier.intersection(step.operands))
    ]


def _unwaited(entry: Entry) -> Iterator[Reason]:
    """Tensor core work begun and never waited for to the last group."""
    groups = [step for step in entry.instructions if step.opcode.startswith("wgmma.commit_group")]
    is_waited = any(
        step.opcode.startswith("wgmma.wait_group") and step.operands == ("0",)
        for step in entry.instructions
    )
    if groups and not is_waited:
        yield Reason(Hindrance.UNWAITED, groups[0].line, groups[0].opcode)
