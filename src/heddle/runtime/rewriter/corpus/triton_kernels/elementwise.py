"""Kernels without communication between threads."""
# Triton reads these functions; their arguments are tensors and constants:
# mypy: ignore-errors

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def vector_add(x, y, out, n, block: tl.constexpr):
    """``out = x + y``, as in the first Triton tutorial."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    total = tl.load(x + index, mask=inside) + tl.load(y + index, mask=inside)
    tl.store(out + index, total, mask=inside)


@triton.jit
def scale_in_place(x, n, factor, block: tl.constexpr):
    """``x = factor * x + 1`` in place: running a block twice shows."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    value = tl.load(x + index, mask=inside)
    tl.store(x + index, value * factor + 1.0, mask=inside)


@triton.jit
def swiglu(gate, up, out, columns, block: tl.constexpr):
    """``silu(gate) * up`` by rows, shaped like Liger's."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, block)
    inside = column < columns
    first = tl.load(gate + row * columns + column, mask=inside, other=0).to(tl.float32)
    second = tl.load(up + row * columns + column, mask=inside, other=0)
    silu = first * tl.sigmoid(first)
    tl.store(out + row * columns + column, silu.to(second.dtype) * second, mask=inside)


@triton.jit
def dropout(x, out, n, rate, seed, block: tl.constexpr):
    """Dropout with a counter-based generator, as in the Triton tutorial on dropout."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    value = tl.load(x + index, mask=inside)
    keep = tl.rand(seed, index) > rate
    tl.store(out + index, tl.where(keep, value / (1 - rate), 0.0), mask=inside)


@triton.jit
def gelu(x, out, n, block: tl.constexpr):
    """The tanh form of GELU on halves."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    value = tl.load(x + index, mask=inside).to(tl.float32)
    inner = 0.7978845608 * (value + 0.044715 * value * value * value)
    tanh = 1 - 2 / (1 + tl.exp(2 * inner))
    tl.store(out + index, (0.5 * value * (1 + tanh)).to(tl.float16), mask=inside)


@triton.jit
def grid_stride(x, n, block: tl.constexpr):
    """Each program strides over the array by the size of the grid, in place."""
    start = tl.program_id(0) * block
    for base in range(start, n, tl.num_programs(0) * block):
        index = base + tl.arange(0, block)
        value = tl.load(x + index, mask=index < n)
        tl.store(x + index, value * 2 - 3, mask=index < n)


@triton.jit
def adam(weight, gradient, mean, square, n, rate, block: tl.constexpr):
    """One step of Adam in place, shaped like a fused optimiser."""
    index = tl.program_id(0) * block + tl.arange(0, block)
    inside = index < n
    slope = tl.load(gradient + index, mask=inside)
    first = tl.load(mean + index, mask=inside) * 0.9 + slope * 0.1
    second = tl.load(square + index, mask=inside) * 0.99 + slope * slope * 0.01
    value = tl.load(weight + index, mask=inside)
    tl.store(mean + index, first, mask=inside)
    tl.store(square + index, second, mask=inside)
    tl.store(weight + index, value - rate * first / (tl.sqrt(second) + 1e-8), mask=inside)


@triton.jit
def rotary(query, cosine, sine, heads, half: tl.constexpr):
    """Rotary embedding in place, shaped like Liger's."""
    row = tl.program_id(0)
    head = tl.program_id(1)
    column = tl.arange(0, half)
    base = query + (row * heads + head) * 2 * half
    angle_cos = tl.load(cosine + row * half + column)
    angle_sin = tl.load(sine + row * half + column)
    left, right = tl.load(base + column), tl.load(base + half + column)
    tl.store(base + column, left * angle_cos - right * angle_sin)
    tl.store(base + half + column, right * angle_cos + left * angle_sin)


@triton.jit
def bias_volume(x, bias, width, height, block: tl.constexpr):
    """Add a bias per plane in place, on a three-dimensional grid."""
    column = tl.program_id(0) * block + tl.arange(0, block)
    row, plane = tl.program_id(1), tl.program_id(2)
    place = x + (plane * height + row) * width + column
    inside = column < width
    value = tl.load(place, mask=inside) + tl.load(bias + plane)
    tl.store(place, value + tl.num_programs(1) * tl.num_programs(2), mask=inside)


@triton.jit
def conditional_return(x, limit, block: tl.constexpr):
    """Whole programs return early where there is nothing to do."""
    program = tl.program_id(0)
    if program % 3 == limit:
        return
    index = program * block + tl.arange(0, block)
    tl.store(x + index, tl.load(x + index) * 3 + 1)


@triton.jit
def quantise_rows(x, out, scale, columns, block: tl.constexpr):
    """Rows to 8 bits with a scale each, shaped like xFormers' and torchao's."""
    row, column = tl.program_id(0), tl.arange(0, block)
    inside = column < columns
    value = tl.load(x + row * columns + column, mask=inside, other=0.0)
    most = tl.max(tl.abs(value), axis=0)
    tl.store(scale + row, most / 127.0)
    ratio = value * (127.0 / most)
    whole = tl.where(ratio >= 0, ratio + 0.5, ratio - 0.5).to(tl.int8)
    tl.store(out + row * columns + column, whole, mask=inside)
