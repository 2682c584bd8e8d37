"""The inner loops that the kernel families share, written so that LLVM turns them into vector code.

Sums are taken in a fixed order and nothing is reassociated, so that a result depends on the
operands alone. Rows are reached by address: an index counted from the start of a whole array would
be checked for wrap-around in every step.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from heddle.runtime.atomics import float_array
from heddle.runtime.compiled import compiled

NO_ACTIVATION: Final = 0
RELU: Final = 1
GELU: Final = 2

FLOAT_BYTES: Final = 4

_ZERO: Final = np.float32(0.0)
_HALF: Final = np.float32(0.5)
_ONE: Final = np.float32(1.0)
_TWO: Final = np.float32(2.0)
# exp by Cephes' expf: ln 2 in two parts, then a polynomial of degree 5 on [-ln 2 / 2, ln 2 / 2]
# held where exp and its reciprocal are normal numbers: others are ten times slower
_LEAST: Final = np.float32(-86.0)
_MOST: Final = np.float32(86.0)
_LOG2_E: Final = np.float32(1.4426950408889634)
_LN2_HIGH: Final = np.float32(0.693359375)
_LN2_LOW: Final = np.float32(-2.12194440e-4)
_P0: Final = np.float32(1.9875691500e-4)
_P1: Final = np.float32(1.3981999507e-3)
_P2: Final = np.float32(8.3334519073e-3)
_P3: Final = np.float32(4.1665795894e-2)
_P4: Final = np.float32(1.6666665459e-1)
_P5: Final = np.float32(5.0000001201e-1)
_EXPONENT_BIAS: Final = np.int32(127)
_EXPONENT_SHIFT: Final = np.int32(23)
# GELU in its tanh form (Hendrycks and Gimpel 2016, section 2)
_GELU_SLOPE: Final = np.float32(0.7978845608028654)
_GELU_CUBE: Final = np.float32(0.044715)


@compiled
def exp32(x: Any) -> Any:
    """e to the x in float32, to 1e-7 relative; x is held within [-86, 86]."""
    held = min(max(x, _LEAST), _MOST)
    power = np.floor(held * _LOG2_E + _HALF)
    rest = held - power * _LN2_HIGH - power * _LN2_LOW
    sum_ = _P0
    sum_ = sum_ * rest + _P1
    sum_ = sum_ * rest + _P2
    sum_ = sum_ * rest + _P3
    sum_ = sum_ * rest + _P4
    sum_ = sum_ * rest + _P5
    mantissa = sum_ * rest * rest + rest + _ONE
    bits = np.int32((np.int32(power) + _EXPONENT_BIAS) << _EXPONENT_SHIFT)
    return mantissa * bits.view(np.float32)


@compiled
def gelu32(x: Any) -> Any:
    """GELU in its tanh form."""
    inner = _GELU_SLOPE * (x + _GELU_CUBE * x * x * x)
    return x * (_ONE - _ONE / (exp32(_TWO * inner) + _ONE))


@compiled
def activate(out: int, length: int, activation: int) -> None:
    """Applies an activation to the floats at an address."""
    row = float_array(out, length)
    if activation == RELU:
        for j in range(length):
            row[j] = max(row[j], _ZERO)
    elif activation == GELU:
        for j in range(length):
            row[j] = gelu32(row[j])


@compiled
def set_row(out: int, bias: int, length: int) -> None:
    """Writes ``bias`` to ``out``, or zeros where ``bias`` is 0."""
    row = float_array(out, length)
    if bias == 0:
        for j in range(length):
            row[j] = _ZERO
    else:
        source = float_array(bias, length)
        for j in range(length):
            row[j] = source[j]


@compiled
def add_rows(out: int, factors: int, rows: int, stride: int, count: int, length: int) -> None:
    """``out[j] += sum of factors[k] * rows[k * stride + j]``, k ascending; all are addresses.

    The heart of matmul, convolution and attention. Four rows a pass, so that ``out`` is read and
    written once for four products; j runs over contiguous floats.
    """
    target = float_array(out, length)
    factor = float_array(factors, count)
    step = FLOAT_BYTES * stride
    whole = count - count % 4
    for k in range(0, whole, 4):
        at = rows + step * k
        b0 = float_array(at, length)
        b1 = float_array(at + step, length)
        b2 = float_array(at + 2 * step, length)
        b3 = float_array(at + 3 * step, length)
        a0 = factor[k]
        a1 = factor[k + 1]
        a2 = factor[k + 2]
        a3 = factor[k + 3]
        for j in range(length):
            target[j] = target[j] + a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
    for k in range(whole, count):
        a = factor[k]
        b = float_array(rows + step * k, length)
        for j in range(length):
            target[j] = target[j] + a * b[j]


@compiled
def dot(left: int, right: int, length: int) -> Any:
    """The inner product of the floats at two addresses, in eight lanes of fixed order."""
    a = float_array(left, length)
    b = float_array(right, length)
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = _ZERO
    whole = length - length % 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    for i in range(whole, length):
        s0 += a[i] * b[i]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@compiled
def total(values: int, length: int) -> Any:
    """The sum of the floats at an address, in four lanes of fixed order."""
    a = float_array(values, length)
    s0 = s1 = s2 = s3 = _ZERO
    whole = length - length % 4
    for i in range(0, whole, 4):
        s0 += a[i]
        s1 += a[i + 1]
        s2 += a[i + 2]
        s3 += a[i + 3]
    for i in range(whole, length):
        s0 += a[i]
    return (s0 + s1) + (s2 + s3)


@compiled
def greatest(values: int, length: int) -> Any:
    """The greatest of the floats at an address; there is at least one."""
    a = float_array(values, length)
    best = a[0]
    for i in range(1, length):
        best = max(best, a[i])
    return best
