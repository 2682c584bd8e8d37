"""The nine topologies that ship inside the ``onnx`` package, with random weights.

The package has them as test data: real architectures whose weights are constants, which
would hide every error of indexing. Here each weight is drawn by what it is for, the
batch axis is made symbolic, and the constants become initialisers. Called by ``build``.
"""

from __future__ import annotations

import math
from pathlib import Path

import onnx
from onnx import TensorProto, numpy_helper

from heddle.errors import InputError
from heddle.serving.zoo.weights import BRANCH, RECTIFIED, Tensor, Weights

_FILES = {
    "alexnet": "light_bvlc_alexnet",
    "densenet121": "light_densenet121",
    "inception-v1": "light_inception_v1",
    "inception-v2": "light_inception_v2",
    "resnet50": "light_resnet50",
    "shufflenet": "light_shufflenet",
    "squeezenet": "light_squeezenet",
    "vgg19": "light_vgg19",
    "zfnet512": "light_zfnet512",
}
#: From here on, initialisers need not stand among the inputs of the graph.
_IR_VERSION = 8
_BATCH = "batch"
_INPUT, _OUTPUT = "image", "scores"
#: Of the scores before a softmax: at 1 a single class would take all in the deep ones.
_BEFORE_SOFTMAX = 0.3
#: What passes a weight on in another shape.
_RESHAPING = frozenset({"Unsqueeze", "Reshape"})


def build(name: str, weights: Weights) -> bytes:
    """Return the ONNX file of a topology.

    Raises
    ------
    InputError
        The installed ``onnx`` package has no such test data.
    """
    network = _load(name)
    graph = network.graph
    shapes = _weight_shapes(graph)
    uses = _Uses(graph)
    drawn = {weight: uses.draw(weight, shape, weights) for weight, shape in shapes.items()}
    _replace_weights(graph, drawn)
    _free_batch(graph, frozenset(shapes))
    _rename(graph)
    graph.name = name
    network.ir_version = _IR_VERSION
    return bytes(network.SerializeToString(deterministic=True))


def _load(name: str) -> onnx.ModelProto:
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    path = folder / f"{_FILES[name]}.onnx"
    if not path.is_file():
        raise InputError(
            f"the installed onnx package {onnx.__version__} does not hold {path.name}; use a "
            "network that heddle builds itself, such as zoo:resnet18, or another version of onnx"
        )
    return onnx.load(str(path))


def _weight_shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight, in the order in which nodes use them."""
    initialisers = {tensor.name: tensor for tensor in graph.initializer}
    known = {
        name: tuple(tensor.dims)
        for name, tensor in initialisers.items()
        if tensor.data_type == TensorProto.FLOAT
    }
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shape = numpy_helper.to_array(initialisers[node.input[0]])
            known[node.output[0]] = tuple(int(side) for side in shape)
    used = (name for node in graph.node for name in node.input if name in known)
    return {name: known[name] for name in dict.fromkeys(used)}


class _Uses:
    """Who uses each value of a graph, and so what each weight is for."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._consumers: dict[str, list[tuple[onnx.NodeProto, int]]] = {}
        for node in graph.node:
            for position, name in enumerate(node.input):
                self._consumers.setdefault(name, []).append((node, position))

    def draw(self, name: str, shape: tuple[int, ...], weights: Weights) -> Tensor:
        """Return random numbers for a weight by its first use."""
        node, position = self._use(name)
        match node.op_type, position:
            case ("Conv" | "Gemm", 1):
                return weights.matrix(shape, math.prod(shape[1:]), self._gain(node))
            case ("BatchNormalization", 1):
                return weights.scale(shape, BRANCH if self._feeds(node, "Sum") else 1.0)
            case ("BatchNormalization", 4):
                return weights.variance(shape)
            case ("Mul", _):
                return weights.scale(shape)
            case _:
                return weights.bias(shape)

    def _use(self, name: str) -> tuple[onnx.NodeProto, int]:
        node, position = self._consumers[name][0]
        return self._use(node.output[0]) if node.op_type in _RESHAPING else (node, position)

    def _gain(self, node: onnx.NodeProto) -> float:
        return _BEFORE_SOFTMAX if self._feeds(node, "Softmax") else RECTIFIED

    def _feeds(self, node: onnx.NodeProto, operator: str) -> bool:
        return any(user.op_type == operator for user, _ in self._consumers.get(node.output[0], []))


def _replace_weights(graph: onnx.GraphProto, drawn: dict[str, Tensor]) -> None:
    """Make the drawn weights the only initialisers beside the shapes that nodes use."""
    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    used = {name for node in nodes for name in node.input}
    kept = [t for t in graph.initializer if t.name in used and t.name not in drawn]
    names = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in names]
    fresh = [numpy_helper.from_array(tensor, name) for name, tensor in drawn.items()]
    for field, entries in (("node", nodes), ("input", inputs), ("initializer", [*kept, *fresh])):
        graph.ClearField(field)
        getattr(graph, field).extend(entries)


def _free_batch(graph: onnx.GraphProto, weights: frozenset[str]) -> None:
    """Make the first axis symbolic; a reshape of activations then copies it (0)."""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH
    activations = {
        node.input[1]
        for node in graph.node
        if node.op_type == "Reshape" and node.input[0] not in weights
    }
    for tensor in graph.initializer:
        if tensor.name in activations:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = 0
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))


def _rename(graph: onnx.GraphProto) -> None:
    """Name the input and the output alike in all nine."""
    new = {graph.input[0].name: _INPUT, graph.output[0].name: _OUTPUT}
    graph.input[0].name, graph.output[0].name = _INPUT, _OUTPUT
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                names[position] = new.get(name, name)
