"""A graph under construction: nodes and weights are added in order and get numbered names.

The builders beside this module say what a network is made of; this one knows ``onnx``.
Normalisation is folded into the convolutions, as converters do for inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from heddle import __version__
from heddle.serving.zoo.weights import RECTIFIED, Weights

#: LayerNormalization came with 17; every ONNX Runtime that we support has it.
_OPSET = 17
_IR_VERSION = 8
#: The symbolic first axis of every input and output.
BATCH = "batch"


class Graph:
    """Nodes, weights, inputs and outputs of one network.

    Parameters
    ----------
    name
        Of the network.
    weights
        Where its weights come from.
    """

    def __init__(self, name: str, weights: Weights) -> None:
        self.weights = weights
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._initialisers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def floats(self, name: str, shape: Sequence[int]) -> str:
        """Add an input of 32-bit floats; the batch axis is put before ``shape``."""
        return self._input(name, TensorProto.FLOAT, shape)

    def integers(self, name: str, shape: Sequence[int]) -> str:
        """Add an input of 64-bit integers; the batch axis is put before ``shape``."""
        return self._input(name, TensorProto.INT64, shape)

    def constant(self, tensor: NDArray[Any]) -> str:
        """Add a weight or a shape; returns its name."""
        name = f"w{len(self._initialisers)}"
        self._initialisers.append(numpy_helper.from_array(tensor, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        output = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def convolution(
        self, value: str, shape: tuple[int, int, int], *, stride: int = 1, groups: int = 1,
        gain: float = RECTIFIED,
    ) -> str:  # fmt: skip
        """Add a square convolution with bias that keeps or divides the size.

        Parameters
        ----------
        shape
            Output channels, input channels, and side of the kernel (odd).
        """
        outputs, inputs, side = shape
        per_group = inputs // groups
        kernel = self.weights.matrix(
            (outputs, per_group, side, side), per_group * side * side, gain
        )
        return self.add(
            "Conv", value, self.constant(kernel), self.constant(self.weights.bias((outputs,))),
            kernel_shape=[side, side], strides=[stride, stride], pads=[side // 2] * 4, group=groups,
        )  # fmt: skip

    def dense(self, value: str, inputs: int, outputs: int, gain: float = 1.0) -> str:
        """Add a product with a matrix and a bias, over the last axis."""
        matrix = self.constant(self.weights.matrix((inputs, outputs), inputs, gain))
        product = self.add("MatMul", value, matrix)
        return self.add("Add", product, self.constant(self.weights.bias((outputs,))))

    def output(self, value: str, name: str, shape: Sequence[int]) -> None:
        """Name a value as an output of 32-bit floats, the batch axis before ``shape``."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape])
        )

    def to_bytes(self) -> bytes:
        """Return the checked ONNX file."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, self._initialisers
        )
        network = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION,
            producer_name="heddle", producer_version=__version__,
        )  # fmt: skip
        onnx.checker.check_model(network, full_check=True)
        return bytes(network.SerializeToString(deterministic=True))

    def _input(self, name: str, kind: int, shape: Sequence[int]) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, kind, [BATCH, *shape]))
        return name
