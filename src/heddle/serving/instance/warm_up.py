"""The first runs of an engine, before anybody waits for an answer.

``workers`` calls :func:`warm_up` for every engine. First runs allocate and choose
kernels, and are slower than all later ones. They also show whether rows of a batch
depend on each other: some networks normalise over the batch, and joining the requests
of strangers would then give every one of them a wrong answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heddle.errors import HeddleError, InputError
from heddle.serving.engines.engine import OPEN, InferenceEngine, Signature, Tensors, TensorSpec
from heddle.serving.protocol.datatype import BYTES, kind_of

#: Tried in this order for axes that are open besides that of the batch.
_OPEN_SIZES = (16, 64, 224)
#: Kernels differ by batch size in the last bits; a dependent row differs in the first.
_RELATIVE = 0.02
_SEED = 0


def warm_up(engine: InferenceEngine, batch: int) -> Signature:
    """Run an engine at its batch; return its signature, without batches if rows depend.

    Parameters
    ----------
    engine
        Just opened.
    batch
        As planned, at least 1.

    Raises
    ------
    InputError
        The network does not run on any inputs of the shapes that it declares.
    """
    signature = engine.signature
    num_rows = batch if signature.is_batched else 1
    inputs, together = _first_run(engine, num_rows)
    if num_rows == 1 or _is_independent(engine, inputs, together, num_rows):
        return signature
    note = "rows of a batch are not independent of each other, so requests run one by one"
    return signature._replace(is_batched=False, notes=(*signature.notes, note))


def _first_run(engine: InferenceEngine, num_rows: int) -> tuple[Tensors, Tensors]:
    refusal: HeddleError | None = None
    for inputs in _made_up(engine.signature, num_rows):
        try:
            return inputs, engine.run(inputs, engine.signature.output_names())
        except HeddleError as error:
            refusal = refusal or error
    raise InputError(f"the network does not run on made-up inputs: {refusal}") from refusal


def _made_up(signature: Signature, num_rows: int) -> Iterator[Tensors]:
    is_open = any(OPEN in spec.shape[1:] for spec in signature.inputs)
    for size in _OPEN_SIZES if is_open else _OPEN_SIZES[:1]:
        generator = np.random.default_rng(_SEED)
        yield {spec.name: _values(spec, num_rows, size, generator) for spec in signature.inputs}


def _values(
    spec: TensorSpec, num_rows: int, open_size: int, generator: np.random.Generator
) -> NDArray[Any]:
    shape = [size if size != OPEN else open_size for size in spec.shape]
    if spec.shape[:1] == (OPEN,):
        shape[0] = num_rows
    kind = kind_of(spec.datatype)
    if spec.datatype == BYTES:
        return np.full(shape, b"", dtype=kind)
    if kind.kind == "f":
        return generator.standard_normal(shape).astype(kind)
    # Small enough to be the index of whatever the network looks up.
    return generator.integers(0, 2, shape).astype(kind)


def _is_independent(
    engine: InferenceEngine, inputs: Tensors, together: Tensors, num_rows: int
) -> bool:
    for row in (0, num_rows - 1):
        single = {name: tensor[row : row + 1] for name, tensor in inputs.items()}
        try:
            alone = engine.run(single, tuple(together))
        except HeddleError:
            return False
        for name, tensor in together.items():
            if tensor.shape[:1] != (num_rows,):
                return False
            if not _is_close(alone[name], tensor[row : row + 1]):
                return False
    return True


def _is_close(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind != "f":
        return bool((one == other).all())
    scale = float(np.nanmax(np.abs(one), initial=0.0))
    absolute = _RELATIVE * scale if np.isfinite(scale) else 0.0
    return bool(np.allclose(one, other, rtol=_RELATIVE, atol=absolute, equal_nan=True))
