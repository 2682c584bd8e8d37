"""One network under the names that files give it.

DISB says ``vgg19-imagenet`` where REEF's schedules say ``vgg``. The runner asks which network of a
device a client means.
"""

from __future__ import annotations

from collections.abc import Collection

#: Names in DISB's files, and REEF's names of the same networks.
_SAME = {
    "vgg19-imagenet": "vgg",
    "vgg19": "vgg",
    "resnet152-imagenet": "resnet152",
    "resnet50-imagenet": "resnet",
    "resnet50": "resnet",
    "densenet201-imagenet": "densenet",
    "densenet201": "densenet",
    "inceptionv3-imagenet": "inception",
    "inceptionv3": "inception",
    "inception_v3": "inception",
    "distilbert": "bert",
    "mobilenet-imagenet": "mobilenet",
    "alexnet-imagenet": "alexnet",
}


def network_of(name: str, networks: Collection[str]) -> str:
    """The network of a device that a client's name means; empty where there is none."""
    if name in networks:
        return name
    same = _SAME.get(name.casefold(), "")
    return same if same in networks else ""
