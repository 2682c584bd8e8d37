"""Kernels whose threads meet through shared memory: sums, normalisations, scans, sorts."""
# Triton reads these functions; their arguments are tensors and constants:
# mypy: ignore-errors
# A kernel has one argument per tensor, size and stride:
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def row_sum(x, out, columns, block: tl.constexpr):
    """The sum of each row, added to what is there."""
    row, column = tl.program_id(0), tl.arange(0, block)
    value = tl.load(x + row * columns + column, mask=column < columns, other=0.0)
    tl.store(out + row, tl.load(out + row) + tl.sum(value, axis=0))


@triton.jit
def softmax(x, out, rows, columns, block: tl.constexpr):
    """Softmax over rows that each program strides over, as in the second Triton tutorial."""
    column = tl.arange(0, block)
    inside = column < columns
    for row in tl.range(tl.program_id(0), rows, tl.num_programs(0)):
        value = tl.load(x + row * columns + column, mask=inside, other=-float("inf"))
        raised = tl.exp(value - tl.max(value, axis=0))
        tl.store(out + row * columns + column, raised / tl.sum(raised, axis=0), mask=inside)


@triton.jit
def layer_norm(x, out, weight, bias, mean, scale, columns, block: tl.constexpr):
    """Layer norm in pieces of a row, as in the fifth Triton tutorial."""
    row = tl.program_id(0)
    total = tl.zeros([block], dtype=tl.float32)
    for start in range(0, columns, block):
        column = start + tl.arange(0, block)
        total += tl.load(x + row * columns + column, mask=column < columns, other=0.0)
    average = tl.sum(total, axis=0) / columns
    spread = tl.zeros([block], dtype=tl.float32)
    for start in range(0, columns, block):
        column = start + tl.arange(0, block)
        value = tl.load(x + row * columns + column, mask=column < columns, other=0.0)
        centred = tl.where(column < columns, value - average, 0.0)
        spread += centred * centred
    inverse = 1 / tl.sqrt(tl.sum(spread, axis=0) / columns + 1e-5)
    tl.store(mean + row, average)
    tl.store(scale + row, inverse)
    for start in range(0, columns, block):
        column = start + tl.arange(0, block)
        inside = column < columns
        value = tl.load(x + row * columns + column, mask=inside, other=0.0)
        normal = (value - average) * inverse
        result = normal * tl.load(weight + column, mask=inside) + tl.load(
            bias + column, mask=inside
        )
        tl.store(out + row * columns + column, result, mask=inside)


@triton.jit
def rms_norm(x, weight, columns, block: tl.constexpr):
    """RMS norm in place, shaped like Liger's."""
    row, column = tl.program_id(0), tl.arange(0, block)
    inside = column < columns
    value = tl.load(x + row * columns + column, mask=inside, other=0.0).to(tl.float32)
    inverse = tl.rsqrt(tl.sum(value * value, axis=0) / columns + 1e-6)
    result = (value * inverse).to(tl.float16) * tl.load(weight + column, mask=inside)
    tl.store(x + row * columns + column, result, mask=inside)


@triton.jit
def cross_entropy(logits, labels, loss, columns, block: tl.constexpr):
    """Cross entropy whose gradient overwrites the logits, shaped like Liger's."""
    row = tl.program_id(0)
    base = logits + row * columns
    label = tl.load(labels + row)
    picked = tl.load(base + label)
    most, total = -float("inf"), 0.0
    for start in range(0, columns, block):
        column = start + tl.arange(0, block)
        value = tl.load(base + column, mask=column < columns, other=-float("inf"))
        higher = tl.maximum(most, tl.max(value))
        total = total * tl.exp(most - higher) + tl.sum(tl.exp(value - higher))
        most = higher
    for start in range(0, columns, block):
        column = start + tl.arange(0, block)
        value = tl.load(base + column, mask=column < columns, other=-float("inf"))
        slope = tl.exp(value - most) / total
        tl.store(base + column, tl.where(column == label, slope - 1, slope), mask=column < columns)
    tl.debug_barrier()
    tl.store(loss + row, most + tl.log(total) - picked)


@triton.jit
def running_sum(x, out, columns, block: tl.constexpr):
    """An inclusive scan of each row."""
    row, column = tl.program_id(0), tl.arange(0, block)
    value = tl.load(x + row * columns + column, mask=column < columns, other=0)
    tl.store(out + row * columns + column, tl.cumsum(value, axis=0), mask=column < columns)


@triton.jit
def top_k(x, values, places, columns, count: tl.constexpr, block: tl.constexpr):
    """The largest of each row by repeated maximum, as a router of experts does."""
    row, column = tl.program_id(0), tl.arange(0, block)
    value = tl.load(x + row * columns + column, mask=column < columns, other=-float("inf"))
    for rank in range(count):
        best, place = tl.max(value, axis=0, return_indices=True)
        tl.store(values + row * count + rank, best)
        tl.store(places + row * count + rank, place)
        value = tl.where(column == place, -float("inf"), value)


@triton.jit
def sort_rows(x, columns: tl.constexpr):
    """Each row sorted in place by a bitonic network."""
    row, column = tl.program_id(0), tl.arange(0, columns)
    value = tl.load(x + row * columns + column)
    tl.store(x + row * columns + column, tl.sort(value))


@triton.jit
def transpose(x, out, rows, columns, tile: tl.constexpr):
    """A tiled transpose on a two-dimensional grid."""
    row = tl.program_id(0) * tile + tl.arange(0, tile)
    column = tl.program_id(1) * tile + tl.arange(0, tile)
    inside = (row < rows)[:, None] & (column < columns)[None, :]
    value = tl.load(x + row[:, None] * columns + column[None, :], mask=inside)
    place = out + column[:, None] * rows + row[None, :]
    tl.store(place, tl.trans(value), mask=tl.trans(inside))


@triton.jit
def embedding(table, places, out, width, block: tl.constexpr):
    """Rows of a table gathered, shaped like Liger's embedding."""
    row, column = tl.program_id(0), tl.arange(0, block)
    place = tl.load(places + row)
    inside = column < width
    value = tl.load(table + place * width + column, mask=inside)
    tl.store(out + row * width + column, value, mask=inside)


@triton.jit
def embedding_gradient(gradient, places, table, width, block: tl.constexpr):
    """Rows added to a table by atomic operations."""
    row, column = tl.program_id(0), tl.arange(0, block)
    place = tl.load(places + row)
    inside = column < width
    value = tl.load(gradient + row * width + column, mask=inside)
    tl.atomic_add(table + place * width + column, value, mask=inside)


@triton.jit
def histogram(x, bins, n, block: tl.constexpr):
    """Counts by atomic operations in global memory."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    value = tl.load(x + index, mask=inside, other=0)
    tl.atomic_add(bins + value, 1, mask=inside)


@triton.jit
def histogram_shared(x, bins, n, count: tl.constexpr, block: tl.constexpr):
    """Counts formed per program first."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    value = tl.load(x + index, mask=index < n, other=0)
    partial = tl.histogram(value, count, mask=index < n)
    tl.atomic_add(bins + tl.arange(0, count), partial)
