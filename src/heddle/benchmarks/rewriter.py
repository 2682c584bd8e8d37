"""``heddle bench rewriter``: what the PTX rewriter makes of every kernel of its corpus.

For each kernel and architecture: the verdict against the expected one, the form it really gets, and
registers, spills and resident warps before and after. Compiled and assembled offline, nothing is
run. The overhead is estimated: instructions that warps execute more for each logical block over
those of the block, loops counted 16 times; waiting for memory is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from heddle.benchmarks.record import Figure, Record, Row
from heddle.errors import HeddleError
from heddle.runtime.rewriter.choice import Choice, Wish, rewrite
from heddle.runtime.rewriter.corpus.catalogue import CORPUS
from heddle.runtime.rewriter.corpus.kernel import Compiled, CorpusKernel
from heddle.runtime.rewriter.corpus.unavailable import SourceUnavailableError
from heddle.runtime.rewriter.occupancy import occupancy
from heddle.runtime.rewriter.overhead import overhead
from heddle.runtime.rewriter.ptx_reader import read_ptx
from heddle.runtime.rewriter.reasons import Verdict
from heddle.runtime.rewriter.rewritten import Form
from heddle.runtime.rewriter.store import choose_stored
from heddle.runtime.rewriter.verdict import judge

_TARGETS = (80, 90, 100)
_QUICK_TARGETS = (90,)
_MIN_SHARE = Wish().min_occupancy_share


def run_rewriter(seed: int, *, is_quick: bool, report: Callable[[str], None]) -> Record:
    """Return the record; ``report`` is told of every architecture. The seed changes nothing."""
    tally = _Tally()
    for target in _QUICK_TARGETS if is_quick else _TARGETS:
        kernels = [kernel for kernel in CORPUS if target in kernel.targets]
        report(f"sm_{target}, {len(kernels)} kernels")
        for kernel in kernels:
            tally.measure(kernel, target)
    return Record("rewriter", seed, is_quick, tally.figures(), tuple(tally.rows))


@dataclass(slots=True)
class _Tally:
    """Rows so far, and counts of what the figures are about."""

    rows: list[Row] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    num_unexpected: int = 0
    num_new_spills: int = 0
    num_below_limit: int = 0
    num_unavailable: int = 0

    def measure(self, kernel: CorpusKernel, target: int) -> None:
        row: dict[str, float | int | str | bool] = {
            "part": f"sm_{target}",
            "kernel": kernel.name,
            "source": kernel.source.origin,
        }
        try:
            compiled = kernel.source.compile(target)
        except SourceUnavailableError as error:
            self.num_unavailable += 1
            self.rows.append({**row, "note": str(error)})
            return
        verdict = judge(read_ptx(compiled.ptx), compiled.entry)
        is_expected = _is_expected(kernel, target, verdict)
        self.judged.add(kernel.name)
        self.num_unexpected += not is_expected
        row |= {
            "verdict": verdict.form.value,
            "expected": is_expected,
            "reason": ", ".join(reason.kind.value for reason in verdict.reasons),
        }
        try:
            choice = choose_stored(compiled.ptx, _wish(compiled))
        except HeddleError as error:
            self.rows.append({**row, "note": str(error)})
            return
        self._compare(choice)
        self.rows.append({**row, **_before_and_after(choice, target)})

    def _compare(self, choice: Choice) -> None:
        before, after = choice.original, choice.chosen
        self.num_new_spills += after.usage.spill_bytes > 0 and before.usage.spill_bytes == 0
        self.num_below_limit += after.blocks < _MIN_SHARE * before.blocks

    def figures(self) -> tuple[Figure, ...]:
        """The targets of this benchmark."""
        limit = f"kernels below {_MIN_SHARE:.0%} of their occupancy"
        return (
            Figure("kernels of the corpus judged", len(self.judged), "kernels", ">= 30"),
            Figure("verdicts other than expected", self.num_unexpected, "verdicts", "== 0"),
            Figure("kernels with new spills", self.num_new_spills, "kernels", "== 0"),
            Figure(limit, self.num_below_limit, "kernels", "== 0"),
            Figure("kernels that could not be compiled", self.num_unavailable, "kernels", "== 0"),
        )


def _wish(compiled: Compiled) -> Wish:
    width, height, depth = compiled.threads
    return Wish(
        entry_name=compiled.entry,
        threads=width * height * depth,
        shared_bytes=compiled.shared_bytes,
    )


def _is_expected(kernel: CorpusKernel, target: int, verdict: Verdict) -> bool:
    expected = kernel.expectation(target)
    words = {hindrance.value for hindrance in verdict.hindrances}
    return verdict.form.value == expected.form and (not expected.reason or expected.reason in words)


def _before_and_after(choice: Choice, target: int) -> Row:
    before, after = choice.original, choice.chosen
    return {
        "form": after.form.value,
        "registers_before": before.usage.registers,
        "registers_after": after.usage.registers,
        "spills_before": before.usage.spill_bytes,
        "spills_after": after.usage.spill_bytes,
        "occupancy_before": _percent(occupancy(target, choice.threads, before.blocks)),
        "occupancy_after": _percent(occupancy(target, choice.threads, after.blocks)),
        "overhead_percent": _overhead_percent(choice),
        "fallback": ", ".join(f"{form.value}: {why.value}" for form, why, _ in choice.fallbacks),
    }


def _overhead_percent(choice: Choice) -> float:
    if choice.chosen.form is Form.OPAQUE:
        return 0.0
    module = read_ptx(choice.original.text)
    rewritten = rewrite(module, choice.entry_name, choice.chosen.form).module
    original = module.entry(choice.entry_name)
    return _percent(overhead(rewritten.entry(choice.entry_name), original, choice.threads))


def _percent(share: float) -> float:
    return round(100 * share, 1)
