"""What the protocol says about a server and its network."""

from __future__ import annotations

from typing import Any

from heddle import __version__
from heddle.serving.engines.engine import Signature, TensorSpec
from heddle.serving.protocol.response import VERSION

EXTENSIONS = ("binary_tensor_data",)


def server_metadata() -> dict[str, Any]:
    """Return the answer to ``GET /v2``."""
    return {"name": "heddle", "version": __version__, "extensions": list(EXTENSIONS)}


def network_metadata(name: str, signature: Signature, batch: int) -> dict[str, Any]:
    """Return the answer to ``GET /v2/models/NAME``.

    Parameters
    ----------
    name
        As the client calls it.
    signature
        Of its engine.
    batch
        Rows that are run together at most; in ``parameters``, with notes for people.
    """
    return {
        "name": name,
        "versions": [VERSION],
        "platform": signature.platform,
        "inputs": [_tensor(spec) for spec in signature.inputs],
        "outputs": [_tensor(spec) for spec in signature.outputs],
        "parameters": {
            "batch": str(batch if signature.is_batched else 1),
            "notes": "; ".join(signature.notes),
        },
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}
