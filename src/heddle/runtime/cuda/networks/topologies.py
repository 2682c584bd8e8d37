"""The shapes of DISB's networks as lists of layers: sizes of the published networks, batch 1.

Weights are random and shared between layers, so what a network computes means nothing; what it
costs and how its kernels are cut into blocks is what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from heddle.runtime.cuda.networks.layers import Layer

_RESNET_STAGES: Final = ((3, 64, 56), (8, 128, 28), (36, 256, 14), (3, 512, 7))
_DENSE_STAGES: Final = ((6, 64, 56), (12, 128, 28), (48, 256, 14), (32, 896, 7))
_VGG_STAGES: Final = ((2, 64, 112), (2, 128, 56), (4, 256, 28), (4, 512, 14), (4, 512, 14))
_INCEPTION_STAGES: Final = ((3, 256, 35), (5, 768, 17), (3, 1280, 8))
_BERT_LAYERS: Final = 6
_POSITIONS: Final = 128
_HIDDEN: Final = 768


def vgg() -> list[Layer]:
    """VGG-19, its first stage at half the resolution."""
    layers, channels = [], 16
    for count, width, side in _VGG_STAGES:
        for _ in range(count):
            layers += _convolution(side, channels, width, 3)
            channels = width
    return layers + _dense(1, 4096, 4096) * 2


def resnet152() -> list[Layer]:
    """ResNet-152: 50 bottlenecks."""
    layers = _convolution(112, 16, 64, 3)
    for count, width, side in _RESNET_STAGES:
        for _ in range(count):
            layers += _product(side, 4 * width, width, 1)
            layers += _product(side, width, width, 3)
            layers += _product(side, width, 4 * width, 1)
            layers.append(Layer("add", (side * side * 4 * width,)))
            layers.append(Layer("scale", (side * side * 4 * width,)))
    return layers + _dense(1, 2048, 1024)


def densenet() -> list[Layer]:
    """DenseNet-201: 98 dense layers."""
    layers = _convolution(112, 16, 64, 3)
    for count, channels, side in _DENSE_STAGES:
        for place in range(count):
            layers += _product(side, channels + 32 * place, 128, 1)
            layers += _product(side, 128, 64, 3)
    return layers + _dense(1, 1920, 1024)


def inception() -> list[Layer]:
    """Inception v3: eleven modules of four branches."""
    layers = _convolution(147, 32, 64, 3)
    for count, channels, side in _INCEPTION_STAGES:
        for _ in range(count):
            for width, kernel in ((192, 1), (192, 3), (128, 1), (192, 3), (192, 1), (96, 3)):
                layers += _product(side, channels if kernel == 1 else 192, width, kernel)
            layers.append(Layer("scale", (side * side * channels,)))
    return layers + _dense(1, 2048, 1024)


def bert() -> list[Layer]:
    """DistilBERT at 128 positions: six encoder layers."""
    layers: list[Layer] = []
    for _ in range(_BERT_LAYERS):
        layers += _dense(_POSITIONS, _HIDDEN, 3 * _HIDDEN)
        layers.append(Layer("attention", (12, _POSITIONS)))
        layers += _dense(_POSITIONS, _HIDDEN, _HIDDEN)
        layers.append(Layer("layer_norm", (_POSITIONS, _HIDDEN)))
        layers += _dense(_POSITIONS, _HIDDEN, 4 * _HIDDEN)
        layers += _dense(_POSITIONS, 4 * _HIDDEN, _HIDDEN)
        layers.append(Layer("layer_norm", (_POSITIONS, _HIDDEN)))
    return layers


def large_products() -> list[Layer]:
    """Twelve products of 2048 x 2048: best-effort work that fills every multiprocessor."""
    return _dense(2048, 2048, 2048) * 12


TOPOLOGIES: Final[Mapping[str, Callable[[], list[Layer]]]] = MappingProxyType(
    {
        "vgg": vgg,
        "resnet152": resnet152,
        "densenet": densenet,
        "inception": inception,
        "bert": bert,
        "large-products": large_products,
    }
)


def _convolution(side: int, channels: int, filters: int, kernel: int) -> list[Layer]:
    return [
        *_product(side, channels, filters, kernel),
        Layer("scale", (side * side * filters,)),
    ]


def _product(side: int, channels: int, filters: int, kernel: int) -> list[Layer]:
    return _dense(side * side, channels * kernel * kernel, filters)


def _dense(rows: int, depth: int, columns: int) -> list[Layer]:
    return [Layer("matmul", (rows, columns, depth))]
