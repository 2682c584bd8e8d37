"""The ``onnx`` engine: a network in ONNX Runtime. The only module that imports it.

``opening`` calls it for the workers of an instance, ``server`` for reference outputs.
Foreign errors end here: a file that is no network is the user's, and so are inputs that
the network refuses; everything else is a failure of the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as foreign

from heddle.errors import HostError, InputError, Location
from heddle.serving.engines.engine import OPEN, Signature, Tensors, TensorSpec
from heddle.serving.engines.segments import LoadedSegment, SegmentedEngine

#: How names of networks of the zoo begin.
ZOO = "zoo:"
_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
#: Used when there are devices for them; the processors always work.
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
#: ONNX Runtime has no common base class for its errors.
REFUSALS = (foreign.InvalidArgument,)
FAILURES = (
    foreign.DeviceReset, foreign.EPFail, foreign.EngineError, foreign.Fail, foreign.InvalidGraph,
    foreign.InvalidProtobuf, foreign.ModelLoadCanceled, foreign.ModelLoaded,
    foreign.ModelRequiresCompilation, foreign.NoModel, foreign.NoSuchFile, foreign.NotFound,
    foreign.NotImplemented, foreign.RuntimeException,
)  # fmt: skip
_ERRORS_AND_WORSE = 3
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_MAX_MESSAGE = 500


class OnnxEngine:
    """A network in a session of its own.

    Parameters
    ----------
    session
        Made by :func:`open_network`.
    """

    def __init__(self, session: onnxruntime.InferenceSession, signature: Signature) -> None:
        self._session = session
        self._signature = signature
        self._texts = {spec.name for spec in signature.inputs if spec.datatype == "BYTES"}
        self._text_outputs = {spec.name for spec in signature.outputs if spec.datatype == "BYTES"}

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        return self._signature

    @property
    def is_instant(self) -> bool:
        """Whether it needs no thread: never."""
        return False

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        """Return the named outputs; errors as ``InferenceEngine`` has them."""
        fed = {
            name: _texts_of(name, tensor) if name in self._texts else tensor
            for name, tensor in inputs.items()
        }
        try:
            found = self._session.run(list(outputs), fed)
        except REFUSALS as error:
            raise InputError(f"the network refuses these inputs: {_said(error)}") from error
        except FAILURES as error:
            raise HostError(f"the network failed on these inputs: {_said(error)}") from error
        answers = dict(zip(outputs, found, strict=True))
        for name in self._text_outputs & answers.keys():
            answers[name] = _bytes_of(answers[name])
        return answers


def open_network(path: str, num_threads: int = 1) -> OnnxEngine:
    """Load a network.

    Parameters
    ----------
    path
        Of an ONNX file, or ``zoo:NAME``.
    num_threads
        How many may work on one run, at least 1.

    Raises
    ------
    InputError
        There is no such file or network, it is not ONNX, or it has inputs or outputs that
        the protocol cannot carry.
    """
    location = _location(path)
    return _opened(_source(path), num_threads, location)


def open_segments(path: str, num_threads: int = 1) -> SegmentedEngine:
    """Load a network in segments, between which its run can be left and gone on with.

    A network that cannot be cut, or does not load in pieces, is one segment, and a note of
    its signature says so. Arguments and errors as :func:`open_network` has them.
    """
    location = _location(path)
    source = _source(path)
    whole = _opened(source, num_threads, location)
    model = source if isinstance(source, bytes) else Path(source).read_bytes()
    loaded = _loaded_segments(model, num_threads, location)
    signature = whole.signature
    if len(loaded) > 1:
        note = f"cut into {len(loaded)} segments"
    else:
        note = "in one segment: it cannot be cut, and real-time work waits for its whole runs"
        names = tuple(spec.name for spec in signature.inputs)
        loaded = [LoadedSegment(whole, names, signature.output_names())]
    return SegmentedEngine(loaded, signature._replace(notes=(*signature.notes, note)))


def _loaded_segments(model: bytes, num_threads: int, location: Location) -> list[LoadedSegment]:
    # The library that takes graphs apart is large, and only guests need it.
    from heddle.serving.zoo.cutting import cut  # noqa: PLC0415

    try:
        return [
            LoadedSegment(_opened(part.model, num_threads, location), part.inputs, part.outputs)
            for part in cut(model)
        ]
    except InputError:
        # Weights in files of their own, or tensors that we cannot carry between segments.
        return []


def _location(path: str) -> Location:
    return Location(Path(path)) if not path.startswith(ZOO) else Location(key=path)


def _opened(source: str | bytes, num_threads: int, location: Location) -> OnnxEngine:
    try:
        session = onnxruntime.InferenceSession(
            source, _options(num_threads), providers=_providers()
        )
    except (foreign.InvalidProtobuf, foreign.NoModel) as error:
        message = f"expected an ONNX file, found something else ({_said(error)})"
        raise InputError(message, location) from error
    except (*REFUSALS, *FAILURES) as error:
        message = f"ONNX Runtime {onnxruntime.__version__} cannot load it: {_said(error)}"
        raise InputError(message, location) from error
    return OnnxEngine(session, _signature(session, location))


def _source(path: str) -> str | bytes:
    if path.startswith(ZOO):
        # Building graphs needs a library of its own, which files do not.
        from heddle.serving.zoo.build import load  # noqa: PLC0415

        return load(path.removeprefix(ZOO))
    file = Path(path)
    try:
        with file.open("rb") as opened:
            is_empty = not opened.read(1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read the network: {reason}", Location(file)) from error
    if is_empty:
        raise InputError("expected an ONNX file, found an empty one", Location(file))
    return path


def _options(num_threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_AND_WORSE
    # Threads that spin for work use up the quota of a slice and give nothing for it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _providers() -> list[str]:
    available = onnxruntime.get_available_providers()
    return [provider for provider in _PROVIDERS if provider in available]


def _signature(session: onnxruntime.InferenceSession, location: Location) -> Signature:
    inputs = tuple(_spec(found, location) for found in session.get_inputs())
    outputs = tuple(_spec(found, location) for found in session.get_outputs())
    if not inputs or not outputs:
        raise InputError("the network has no inputs or no outputs", location)
    fixed = [spec.name for spec in (*inputs, *outputs) if spec.shape[:1] != (OPEN,)]
    axes = {str(found.shape[0]) for found in session.get_inputs() if found.shape}
    notes = [f"ONNX Runtime {onnxruntime.__version__}, {', '.join(session.get_providers())}"]
    if fixed:
        notes.append(f"axis 0 of {fixed[0]!r} is fixed, so requests run one by one")
    elif len(axes) > 1:
        notes.append("the inputs do not share axis 0, so requests run one by one")
    is_batched = not fixed and len(axes) == 1
    return Signature("onnxruntime_onnx", inputs, outputs, is_batched, tuple(notes))


def _spec(found: Any, location: Location) -> TensorSpec:
    datatype = _DATATYPES.get(found.type)
    if datatype is None:
        message = f"{found.name!r} is a {found.type}, which the inference protocol cannot carry"
        raise InputError(message, location)
    shape = tuple(size if isinstance(size, int) and size >= 0 else OPEN for size in found.shape)
    return TensorSpec(found.name, datatype, shape)


def _texts_of(name: str, tensor: NDArray[Any]) -> NDArray[Any]:
    try:
        texts = [item.decode() for item in tensor.ravel()]
    except UnicodeDecodeError as error:
        raise InputError(f"input {name!r}: expected texts in UTF-8, found other bytes") from error
    return _objects(texts, tensor.shape)


def _bytes_of(tensor: NDArray[Any]) -> NDArray[Any]:
    return _objects([str(item).encode() for item in tensor.ravel()], tensor.shape)


def _objects(items: Iterable[object], shape: tuple[int, ...]) -> NDArray[Any]:
    kept = list(items)
    array = np.empty(len(kept), dtype=np.object_)
    array[:] = kept
    return array.reshape(shape)


def _said(error: Exception) -> str:
    """Return the first line of what ONNX Runtime said, without what names its sources."""
    line = _PREFIX.sub("", str(error).strip().splitlines()[0] if str(error).strip() else "")
    return line[:_MAX_MESSAGE] or type(error).__name__
