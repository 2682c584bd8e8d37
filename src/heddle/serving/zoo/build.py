"""Makes the ONNX file of a network of the zoo.

Called by the ``onnx`` engine and by the command line with the name after ``zoo:``. The
next step lives in the module that ``catalogue`` names: ``topologies`` or one of
``builders``.
"""

from __future__ import annotations

import importlib
from typing import Protocol

import numpy as np

from heddle.errors import InputError
from heddle.serving.zoo.catalogue import entry_of, names
from heddle.serving.zoo.weights import Weights

__all__ = ["load", "names"]


class _Family(Protocol):
    def build(self, name: str, weights: Weights) -> bytes: ...


def load(name: str, seed: int = 0) -> bytes:
    """Return the bytes of the ONNX file of a network.

    The same name, seed and versions of the libraries give the same bytes.

    Parameters
    ----------
    name
        One of :func:`names`.
    seed
        Of the weights, at least 0.

    Raises
    ------
    InputError
        There is no such network, or the ``onnx`` package is not installed.
    """
    family = _family(entry_of(name).module)
    return family.build(name, Weights(np.random.default_rng(seed)))


def _family(module: str) -> _Family:
    try:
        family: _Family = importlib.import_module(f"heddle.serving.zoo.{module}")
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise InputError(
            "the zoo needs the onnx package; install heddle with its serving extra: "
            "pip install 'heddle-gpu[serving]'"
        ) from error
    return family
