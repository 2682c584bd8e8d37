"""Machine operations in compiled code, as intrinsics: atomics, calls by address, a pause.

Beside ``heddle.runtime.compiled`` the only module that knows numba. Imported through
``heddle.runtime.atomics``.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.np import arrayobj

intrinsic: Callable[[Callable[..., Any]], Any] = extending.intrinsic

_ORDER = "seq_cst"
_MONOTONIC = 1  # CLOCK_MONOTONIC
_HAS_PAUSE = platform.machine() in {"x86_64", "AMD64"}


def _element(ctx: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    view = ctx.make_array(array_type)(ctx, builder, array)
    return cgutils.get_item_pointer(ctx, builder, array_type, view, [index])


@intrinsic
def atomic_load(typingctx: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    """The element, read at once and never from a register kept from before."""

    def codegen(ctx: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(ctx, builder, signature.args[0], *arguments)
        return builder.load_atomic(pointer, _ORDER, 8)

    return types.int64(array, types.intp), codegen


@intrinsic
def atomic_store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """Writes the element; what was written before it is seen by whoever reads it."""

    def codegen(ctx: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(ctx, builder, signature.args[0], *arguments[:2])
        builder.store_atomic(arguments[2], pointer, _ORDER, 8)
        return ctx.get_dummy_value()

    return types.void(array, types.intp, types.int64), codegen


@intrinsic
def atomic_add(typingctx: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    """Adds to the element and returns what it was before."""

    def codegen(ctx: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(ctx, builder, signature.args[0], *arguments[:2])
        return builder.atomic_rmw("add", pointer, arguments[2], _ORDER)

    return types.int64(array, types.intp, types.int64), codegen


@intrinsic
def atomic_replace(typingctx: Any, array: Any, index: Any, expected: Any, value: Any) -> Any:  # noqa: ARG001
    """Writes the element if it is what is expected; whether it was."""

    def codegen(ctx: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(ctx, builder, signature.args[0], *arguments[:2])
        outcome = builder.cmpxchg(pointer, arguments[2], arguments[3], _ORDER, _ORDER)
        return builder.extract_value(outcome, 1)

    return types.boolean(array, types.intp, types.int64, types.int64), codegen


@intrinsic
def call_block(typingctx: Any, address: Any, block: Any, arguments: Any) -> Any:  # noqa: ARG001
    """Calls ``void(int64, int64 *)`` at an address: one block of a kernel."""

    def codegen(ctx: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        word = ir.IntType(64)
        shape = ir.FunctionType(ir.VoidType(), [word, word.as_pointer()])
        target = builder.inttoptr(values[0], shape.as_pointer())
        builder.call(target, [values[1], builder.inttoptr(values[2], word.as_pointer())])
        return ctx.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def call_clock(typingctx: Any, address: Any) -> Any:  # noqa: ARG001
    """The machine's monotonic time in ns, from ``clock_gettime`` at an address."""

    def codegen(ctx: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        word = ir.IntType(64)
        shape = ir.FunctionType(ir.IntType(32), [ir.IntType(32), word.as_pointer()])
        instant = cgutils.alloca_once(builder, word, size=2)
        target = builder.inttoptr(values[0], shape.as_pointer())
        builder.call(target, [ir.Constant(ir.IntType(32), _MONOTONIC), instant])
        seconds = builder.load(instant)
        rest = builder.load(builder.gep(instant, [ir.Constant(word, 1)]))
        return builder.add(builder.mul(seconds, ir.Constant(word, 1_000_000_000)), rest)

    return types.int64(types.int64), codegen


@intrinsic
def call_system(typingctx: Any, address: Any, first: Any, second: Any, third: Any) -> Any:  # noqa: ARG001
    """Calls ``int64(int64, int64, int64)`` at an address: a function of the C library."""

    def codegen(ctx: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        word = ir.IntType(64)
        shape = ir.FunctionType(word, [word, word, word])
        return builder.call(builder.inttoptr(values[0], shape.as_pointer()), values[1:])

    return types.int64(types.int64, types.int64, types.int64, types.int64), codegen


@intrinsic
def call_driver(
    typingctx: Any,  # noqa: ARG001
    address: Any,  # noqa: ARG001
    first: Any,  # noqa: ARG001
    second: Any,  # noqa: ARG001
    third: Any,  # noqa: ARG001
    fourth: Any,  # noqa: ARG001
) -> Any:
    """Calls ``uint32(int64 x 4)`` at an address: the CUDA driver, blind to spare arguments."""

    def codegen(ctx: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        word = ir.IntType(64)
        shape = ir.FunctionType(ir.IntType(32), [word, word, word, word])
        code = builder.call(builder.inttoptr(values[0], shape.as_pointer()), values[1:])
        return builder.zext(code, word)

    return types.int64(*[types.int64] * 5), codegen


def _array_at(ctx: Any, builder: Any, signature: Any, values: Any) -> Any:
    """An array of one axis over what stands at an address; it owns nothing."""
    element = signature.return_type.dtype
    pointer = builder.inttoptr(values[0], ctx.get_value_type(types.CPointer(element)))
    itemsize = ctx.get_constant(types.intp, element.bitwidth // 8)
    array = ctx.make_array(signature.return_type)(ctx, builder)
    shape = cgutils.pack_array(builder, [values[1]])
    strides = cgutils.pack_array(builder, [itemsize])
    arrayobj.populate_array(array, pointer, shape, strides, itemsize, meminfo=None)
    return array._getvalue()  # noqa: SLF001


@intrinsic
def float_array(typingctx: Any, address: Any, length: Any) -> Any:  # noqa: ARG001
    """The float32 numbers that stand at an address; inside a block kernel."""
    return types.Array(types.float32, 1, "C")(types.int64, types.int64), _array_at


@intrinsic
def word_array(typingctx: Any, address: Any, length: Any) -> Any:  # noqa: ARG001
    """The int64 words that stand at an address; inside a block kernel."""
    return types.Array(types.int64, 1, "C")(types.int64, types.int64), _array_at


@intrinsic
def pause(typingctx: Any) -> Any:  # noqa: ARG001
    """Tells the core that this is a spin loop."""

    def codegen(ctx: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        if _HAS_PAUSE:
            shape = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), shape), [])
        return ctx.get_dummy_value()

    return types.void(), codegen
