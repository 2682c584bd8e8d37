"""Small networks with random weights, by name, and which of them stand in for DISB's networks.

The cpu device looks networks up here. A stand-in has the family's shape and none of its size: what
is measured with it says nothing about the original's speed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from heddle.errors import InputError, listed, nearest
from heddle.runtime.library.networks.bert import EncoderShape, bert_like
from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.mlp import mlp
from heddle.runtime.library.networks.resnet import resnet_like
from heddle.runtime.library.networks.separable import separable_like
from heddle.runtime.library.networks.vgg import vgg_like

Build = Callable[[int], BoundNetwork]

#: Every network that can be built by name, from a seed.
NETWORKS: Final[dict[str, Build]] = {
    "vgg19-small": partial(vgg_like, size=32, width=128),
    "vgg19-medium": partial(vgg_like, size=32, width=256),
    "resnet-small": partial(resnet_like, size=64, bottlenecks=(2, 2, 2, 2), width=16),
    "resnet-deep": partial(resnet_like, size=64, bottlenecks=(3, 8, 36, 3), width=16),
    "resnet-medium": partial(resnet_like, size=96, bottlenecks=(3, 4, 6, 3), width=24),
    "resnet-thin": partial(resnet_like, size=64, bottlenecks=(6, 12, 24, 8), width=6),
    "resnext-small": partial(resnet_like, size=96, bottlenecks=(2, 2, 2, 2), width=24, groups=4),
    "separable-small": partial(separable_like, size=96, width=16),
    "bert-small": partial(bert_like, shape=EncoderShape(4, 96, 4, 48)),
    "bert-medium": partial(bert_like, shape=EncoderShape(6, 192, 6, 64)),
    "mlp-small": partial(mlp, widths=(256, 512, 512, 512, 64), batch=32),
}

#: DISB's networks, by their names in both published formats, and ours that stand in for them.
STAND_INS: Final[dict[str, str]] = {
    "vgg19-imagenet": "vgg19-small",
    "resnet152-imagenet": "resnet-deep",
    "densenet201-imagenet": "resnet-thin",
    "inceptionv3-imagenet": "resnext-small",
    "distilbert": "bert-small",
    "vgg": "vgg19-small",
    "resnet152": "resnet-deep",
    "resnet": "resnet-deep",
    "densenet": "resnet-thin",
    "inception": "resnext-small",
    "bert": "bert-small",
}


def network_names() -> tuple[str, ...]:
    """The names that ``build`` takes: our networks, then the names they stand in for."""
    return (*NETWORKS, *STAND_INS)


def stand_in(name: str) -> str | None:
    """Our network that stands in for a DISB name, or None where it stands in for nothing."""
    return STAND_INS.get(name)


def build(name: str, seed: int = 0) -> BoundNetwork:
    """A network by its name or by the name that it stands in for, with buffers of its own.

    A stand-in's name shows both: ``vgg19-small for vgg19-imagenet``.

    Raises
    ------
    InputError
        There is no such network.
    HostError
        numba is not installed.
    """
    ours = STAND_INS.get(name, name)
    if ours not in NETWORKS:
        known = listed(network_names(), limit=30)
        raise InputError(
            f"unknown network {name!r}{nearest(name, network_names())}; there are: {known}"
        )
    network = NETWORKS[ours](seed)
    return replace(network, name=ours if ours == name else f"{ours} for {name}")
