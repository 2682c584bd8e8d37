"""What the families refuse, how they are cut, and that nothing is compiled before it is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from heddle.errors import InputError
from heddle.runtime.core.constants import COMPUTE_BOUND, EXACT_RESUME, MEMORY_BOUND, REPLAY_SAFE
from heddle.runtime.library.attention import attention
from heddle.runtime.library.batch_norm import Statistics, fold, scale_channels
from heddle.runtime.library.bound_kernel import BoundKernel, zeros
from heddle.runtime.library.convolution import Convolution, Window, convolve
from heddle.runtime.library.elementwise import add
from heddle.runtime.library.embedding import embed
from heddle.runtime.library.layer_norm import layer_norm
from heddle.runtime.library.matmul import matmul
from heddle.runtime.library.pooling import max_pool
from heddle.runtime.library.reduction import histogram, partial_sums
from heddle.runtime.library.softmax import softmax
from library_cases import CASES, case

pytest.importorskip("numba", reason="needs numba: pip install 'heddle-gpu[runtime]'")

SQUARE = zeros(4, 4)
TOKENS = np.zeros(4, np.int64)

REFUSED: dict[str, Callable[[], BoundKernel]] = {
    "do not fit": lambda: matmul(zeros(2, 3), zeros(4, 5), zeros(2, 5)),
    "cannot run in place": lambda: matmul(SQUARE, zeros(4, 4), SQUARE),
    "channels in 2 groups": lambda: convolve(
        Convolution(zeros(1, 4, 4, 3), zeros(3, 3, 2, 4), zeros(1, 2, 2, 4), Window(groups=2))
    ),
    r"\(1, 2, 2, 4\) is needed": lambda: convolve(
        Convolution(zeros(1, 4, 4, 3), zeros(3, 3, 3, 4), zeros(1, 4, 4, 4))
    ),
    "sizes 16, 4 and 16 differ": lambda: add(SQUARE, zeros(4), zeros(4, 4)),
    "1 results; 2 are needed": lambda: partial_sums(zeros(40), zeros(1), block_elements=20),
    "no bin": lambda: histogram(TOKENS, np.zeros(0, np.int64)),
    "in the border alone": lambda: max_pool(
        zeros(1, 4, 4, 1), zeros(1, 7, 7, 1), 2, Window(padding=2)
    ),
    "rows of no column": lambda: softmax(zeros(3, 0), zeros(3, 0)),
    "layer norm: shapes": lambda: layer_norm(SQUARE, zeros(3), zeros(4), zeros(4, 4)),
    "batch norm: shapes": lambda: scale_channels(SQUARE, (zeros(4), zeros(3)), zeros(4, 4)),
    "3 heads": lambda: attention(zeros(5, 24), zeros(5, 8), 3),
    "embedding: shapes": lambda: embed(TOKENS, zeros(9, 2), zeros(4, 3), zeros(4, 3)),
    "not contiguous": lambda: add(zeros(4, 4).T, SQUARE, zeros(4, 4)),
    "float64": lambda: add(np.zeros((4, 4)), SQUARE, zeros(4, 4)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("message", REFUSED)
def test_arrays_that_do_not_fit_are_refused_with_what_is_needed(message: str) -> None:
    with pytest.raises(InputError, match=message):
        REFUSED[message]()


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_matches_its_reference_whole_and_in_one_block_steps(name: str) -> None:
    whole, steps = case(name, 7, 20), case(name, 7, 20)
    whole.bound.run()
    for block in reversed(range(steps.bound.kernel.blocks)):
        steps.bound.run(block, block + 1)
    assert whole.error() <= whole.tolerance
    assert steps.out.tobytes() == whole.out.tobytes()


@pytest.mark.parametrize("name", CASES)
def test_a_contract_is_replay_safe_unless_the_kernel_changes_what_it_reads(name: str) -> None:
    changes = {"add in place", "scale in place", "histogram", "layer norm in place"}
    expected = EXACT_RESUME if name in changes else REPLAY_SAFE
    assert case(name, 2, 12).bound.kernel.contract == expected


def test_products_are_compute_bound_and_sums_memory_bound() -> None:
    found = {name: case(name, 2, 12).bound.kernel.bound for name in CASES}
    heavy = {name for name, bound in found.items() if bound == COMPUTE_BOUND}
    assert heavy == {"matmul", "convolution", "attention"}
    assert found["add"] == MEMORY_BOUND


def test_smaller_blocks_mean_more_of_them_and_the_same_result() -> None:
    rng = np.random.default_rng(3)
    left, right = rng.standard_normal((2, 64, 64)).astype(np.float32)
    coarse, fine = zeros(64, 64), zeros(64, 64)
    few = matmul(left, right, coarse)
    many = matmul(left, right, fine, block_flops=20_000)
    few.run()
    many.run()
    assert many.kernel.blocks > few.kernel.blocks
    assert coarse.tobytes() == fine.tobytes()


def test_partial_sums_over_partial_sums_give_the_sum() -> None:
    source = np.random.default_rng(3).standard_normal(1000).astype(np.float32)
    parts, total = zeros(10), zeros(1)
    partial_sums(source, parts, block_elements=100).run()
    partial_sums(parts, total, block_elements=10).run()
    assert total[0] == pytest.approx(source.astype(np.float64).sum(), abs=1e-4)


def test_an_empty_array_makes_a_kernel_of_no_block() -> None:
    assert add(zeros(0), zeros(0), zeros(0)).kernel.blocks == 0
    assert matmul(zeros(0, 3), zeros(3, 4), zeros(0, 4)).kernel.blocks == 0


def test_folding_a_normalisation_equals_applying_it() -> None:
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((3, 3, 2, 5)).astype(np.float32)
    mean, scale, offset = rng.standard_normal((3, 5)).astype(np.float32)
    statistics = Statistics(mean, np.full(5, 2.0, np.float32), scale, offset)
    folded, bias = fold(weights, statistics)
    factor = scale / np.sqrt(2.0 + 1e-5)
    assert np.allclose(folded, weights * factor, atol=1e-6)
    assert np.allclose(bias, offset - mean * factor, atol=1e-6)


def test_importing_the_library_compiles_nothing() -> None:
    program = (
        "import heddle.runtime.library.networks, heddle.runtime.library.scheduled\n"
        "from heddle.runtime.library import attention, matmul, pooling, convolution\n"
        "bodies = [matmul.matmul_block, attention.attention_block, pooling.max_pool_block,"
        " convolution.convolution_block]\n"
        "assert not any('_compiled' in vars(body) for body in bodies)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
