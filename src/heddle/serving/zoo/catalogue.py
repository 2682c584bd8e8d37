"""What the zoo holds, known without building any of it and without the ``onnx`` package.

``build`` looks a name up here and goes on in the module that the entry names.
"""

from __future__ import annotations

from dataclasses import dataclass

from heddle.errors import InputError, listed, nearest

#: How the path of a network of the zoo begins.
PREFIX = "zoo:"

_TOPOLOGIES = "topologies"
_RESNET = "builders.resnet"
_MOBILENET = "builders.mobilenet"
_BERT = "builders.bert"


@dataclass(frozen=True, slots=True)
class ZooEntry:
    """One network.

    Attributes
    ----------
    name
        As in ``zoo:NAME``.
    module
        Of this package; its ``build`` makes the network.
    summary
        One line for people.
    input_text
        The input of one request: name, type and shape without the batch axis.
    output_text
        The output of one request, likewise.
    num_parameters
        Weights and biases.
    """

    name: str
    module: str
    summary: str
    input_text: str
    output_text: str
    num_parameters: int


_IMAGE = "image float32 3x224x224"
_SMALL_IMAGE = "image float32 3x32x32"
_CLASSES = "scores float32 1000"
_FEW_CLASSES = "scores float32 10"


def _topology(name: str, summary: str, num_parameters: int, output: str = _CLASSES) -> ZooEntry:
    return ZooEntry(name, _TOPOLOGIES, summary, _IMAGE, output, num_parameters)


ENTRIES = (
    ZooEntry(
        "bert-tiny", _BERT, "encoder, 2 layers of width 128, for demos and tests",
        "tokens int64 128", "pooled float32 128", 4_336_512,
    ),
    ZooEntry(
        "mobilenet-tiny", _MOBILENET, "MobileNet v1 for small images, for demos and tests",
        _SMALL_IMAGE, _FEW_CLASSES, 3_206_282,
    ),
    ZooEntry(
        "resnet8-32", _RESNET, "ResNet of 8 layers, for demos and tests",
        _SMALL_IMAGE, _FEW_CLASSES, 307_978,
    ),
    ZooEntry(
        "bert-small", _BERT, "encoder, 4 layers of width 512",
        "tokens int64 128", "pooled float32 512", 28_566_016,
    ),
    ZooEntry("mobilenet", _MOBILENET, "MobileNet v1", _IMAGE, _CLASSES, 4_221_032),
    ZooEntry("resnet18", _RESNET, "ResNet of 18 layers", _IMAGE, _CLASSES, 11_684_712),
    _topology("alexnet", "AlexNet", 60_965_224),
    _topology("densenet121", "DenseNet of 121 layers", 8_146_152, "scores float32 1000x1x1"),
    _topology("inception-v1", "Inception v1 (GoogLeNet)", 6_998_552),
    _topology("inception-v2", "Inception v2", 11_234_792),
    _topology("resnet50", "ResNet of 50 layers", 25_610_152),
    _topology("shufflenet", "ShuffleNet", 1_420_152),
    _topology("squeezenet", "SqueezeNet", 1_235_496, "scores float32 1000x1x1"),
    _topology("vgg19", "VGG of 19 layers", 143_667_240),
    _topology("zfnet512", "ZFNet-512", 87_250_536),
)  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names of the zoo's networks; the small ones come first."""
    return tuple(entry.name for entry in ENTRIES)


def entry_of(name: str) -> ZooEntry:
    """Return a network's entry; InputError names the nearest one when there is none."""
    for entry in ENTRIES:
        if entry.name == name:
            return entry
    raise InputError(
        f"the zoo has no network {name!r}{nearest(name, names())}; it has {listed(names(), 20)}"
    )
