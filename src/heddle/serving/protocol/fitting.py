"""Holds a request against the network: names, types, shapes, and what it asks for.

``request`` has read it; ``instance.application`` gives what comes of it to the batcher.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from heddle.errors import InputError, listed, nearest
from heddle.serving.engines.engine import OPEN, Signature, Tensors, TensorSpec
from heddle.serving.protocol.datatype import datatype_of
from heddle.serving.protocol.request import AskedOutput, InferenceRequest


class FittingRequest(NamedTuple):
    """What the batcher is asked, and the form of the answer."""

    inputs: Tensors
    outputs: tuple[AskedOutput, ...]
    num_rows: int

    def output_names(self) -> tuple[str, ...]:
        """Return the names of the outputs that are asked for."""
        return tuple(output.name for output in self.outputs)


def fit(request: InferenceRequest, signature: Signature) -> FittingRequest:
    """Return the request in the network's terms.

    Raises
    ------
    InputError
        An input is missing, unknown, or of another type or shape than the network's; an
        output is unknown; or the inputs have different numbers of rows, or none.
    """
    names = [spec.name for spec in signature.inputs]
    for name in request.inputs:
        if name not in names:
            message = f"the network has no input {name!r}{nearest(name, names)}"
            raise InputError(f"{message}; it has {listed(names)}")
    for spec in signature.inputs:
        if spec.name not in request.inputs:
            raise InputError(f"input {spec.name!r} is missing")
        _require_fit(spec, request.inputs[spec.name])
    # One order for all requests, so that those of one kind are seen to be.
    inputs = {name: request.inputs[name] for name in names}
    return FittingRequest(inputs, _outputs(request, signature), _num_rows(inputs, signature))


def _require_fit(spec: TensorSpec, tensor: NDArray[Any]) -> None:
    found = datatype_of(tensor.dtype)
    if found != spec.datatype:
        raise InputError(f"input {spec.name!r}: expected datatype {spec.datatype}, found {found}")
    is_fitting = len(spec.shape) == tensor.ndim and all(
        need in (OPEN, size) for need, size in zip(spec.shape, tensor.shape, strict=True)
    )
    if not is_fitting:
        raise InputError(
            f"input {spec.name!r}: expected the shape {list(spec.shape)}, found "
            f"{list(tensor.shape)}{_note(spec.shape)}"
        )


def _note(shape: Sequence[int]) -> str:
    return " (-1 is any size)" if OPEN in shape else ""


def _num_rows(inputs: Tensors, signature: Signature) -> int:
    if not signature.is_batched:
        return 1
    rows = {name: tensor.shape[0] for name, tensor in inputs.items()}
    if len(set(rows.values())) > 1:
        found = ", ".join(f"{name}: {count}" for name, count in rows.items())
        raise InputError(f"expected inputs with the same axis 0, found {found}")
    num_rows = int(next(iter(rows.values())))
    if num_rows == 0:
        raise InputError("expected at least one row in axis 0 of the inputs, found none")
    return num_rows


def _outputs(request: InferenceRequest, signature: Signature) -> tuple[AskedOutput, ...]:
    names = signature.output_names()
    if request.outputs is None:
        return tuple(AskedOutput(name, request.is_binary) for name in names)
    for output in request.outputs:
        if output.name not in names:
            message = f"the network has no output {output.name!r}{nearest(output.name, names)}"
            raise InputError(f"{message}; it has {listed(names)}")
    return request.outputs
