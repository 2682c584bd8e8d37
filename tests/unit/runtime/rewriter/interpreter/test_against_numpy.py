"""The interpreter computes what numpy computes: whole kernels of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from heddle.runtime.rewriter.corpus.kernel import Array
from rewriter_cases import original

Buffers = Mapping[str, Any]


def _single(bits: Array) -> Array:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _softmax(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _grouped(given: Buffers) -> Array:
    product = _single(given["a"]) @ _single(given["b"])
    return np.where(product >= 0, product, 0.01 * product)


def _attention(given: Buffers) -> Array:
    query, key, value = (given[name].astype(np.float32) for name in ("q", "k", "v"))
    scores = query @ key.transpose(0, 2, 1) * np.float32(0.2) * np.log(2)
    causal = np.tril(np.ones(scores.shape[1:], dtype=np.bool_))
    return np.asarray(_softmax(np.where(causal, scores, -np.inf)) @ value)


def _convolution(given: Buffers) -> Array:
    x, weight = np.pad(given["x"], ((0, 0), (1, 1), (1, 1))), given["weight"]
    return np.array(
        [
            sum(
                x[c, i // 3 : i // 3 + 5, i % 3 : i % 3 + 40] * weight[k, c, i]
                for c in range(2)
                for i in range(9)
            )
            for k in range(2)
        ]
    )


def _layer_norm(given: Buffers) -> Array:
    x = given["x"]
    centred = x - x.mean(axis=1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    return np.asarray(normal * given["weight"] + given["bias"])


def _rms_norm(given: Buffers) -> Array:
    x = given["x"].astype(np.float32)
    return np.asarray(x / np.sqrt((x**2).mean(axis=1, keepdims=True)) * given["weight"])


def _product(given: Buffers) -> Array:
    return np.asarray(given["a"].astype(np.float32) @ given["b"].astype(np.float32))


def _gelu(given: Buffers) -> Array:
    x = given["x"].astype(np.float32)
    return np.asarray(0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3))))


KERNELS: tuple[tuple[str, str, float, Callable[[Buffers], Array]], ...] = (
    ("vector_add", "out", 0, lambda given: given["x"] + given["y"]),
    ("gelu", "out", 2e-3, _gelu),
    ("softmax", "out", 1e-6, lambda given: _softmax(given["x"])),
    ("layer_norm", "out", 1e-5, _layer_norm),
    ("rms_norm", "x", 2e-2, _rms_norm),
    ("running_sum", "out", 0, lambda given: np.cumsum(given["x"], axis=1)),
    ("sort_rows", "x", 0, lambda given: np.sort(given["x"], axis=1)),
    ("top_k", "values", 0, lambda given: -np.sort(-given["x"], axis=1)[:, :3]),
    ("transpose", "out", 0, lambda given: given["x"].T),
    ("embedding", "out", 0, lambda given: given["table"][given["places"]]),
    ("histogram", "bins", 0, lambda given: np.bincount(given["x"], minlength=16)),
    ("matmul", "c", 1e-4, _product),
    ("matmul_staged", "c", 1e-4, _product),
    ("matmul_wide", "c", 1e-4, _product),
    ("matmul_split", "c", 0, _product),
    ("matmul_tf32", "c", 5e-2, _product),
    ("attention", "out", 5e-3, _attention),
    ("attention_wide", "out", 5e-3, _attention),
    ("convolution", "out", 1e-4, _convolution),
    ("block_scan", "out", 0, lambda given: np.concatenate(
        [np.cumsum(given["x"][start : start + 64]) for start in range(0, 300, 64)])),
    ("transpose_padded", "out", 0, lambda given: given["in"].T),
    ("atomic_maximum", "best", 0, lambda given: given["x"].max().reshape(1).view(np.int32)),
    ("tiled_product", "c", 1e-4, lambda given: given["c"] + given["a"] @ given["b"]),
)  # fmt: skip


@pytest.mark.parametrize(("name", "buffer", "tolerance", "expected"), KERNELS)
def test_a_corpus_kernel_computes_what_numpy_does(
    name: str, buffer: str, tolerance: float, expected: Callable[[Buffers], Array]
) -> None:
    run = original(name)
    wanted = expected(run.case.buffers)
    found = run.memory.get(buffer)
    assert found.shape == wanted.shape
    assert np.abs(found.astype(np.float64) - wanted).max() <= tolerance


@pytest.mark.parametrize(
    ("name", "buffer", "tolerance", "expected"),
    [row for row in KERNELS if row[0] in {"matmul_wide", "attention_wide"}],
)
def test_it_does_so_with_the_matrix_instructions_of_a_warp_group(
    name: str, buffer: str, tolerance: float, expected: Callable[[Buffers], Array]
) -> None:
    run = original(name, 90)
    assert "wgmma.mma_async" in run.compiled.ptx
    wanted = expected(run.case.buffers)
    assert np.abs(run.memory.get(buffer).astype(np.float64) - wanted).max() <= tolerance


def test_a_product_of_bfloats_with_an_activation() -> None:
    run = original("matmul_grouped")
    wanted = _grouped(run.case.buffers)
    found = _single(run.memory.get("c"))
    assert np.abs(found - wanted).max() <= np.abs(wanted).max() / 100


def test_lanes_that_leave_a_loop_at_different_times() -> None:
    run = original("divergent")
    for start, before, after in zip(
        run.case.buffers["x"], run.case.buffers["out"], run.memory.get("out"), strict=True
    ):
        value, steps, history = int(start), 0, list(range(8))
        while value > 1 and steps < 50:
            value = 3 * value + 1 if value & 1 else value // 2
            history[value & 7] += steps
            steps += 1
        assert after == before * 2 + steps * 1000 + history[start & 7]
