"""Whether an instance runs at the point that was asked for, by what it says of itself.

A bench asks before anything is measured: figures of a point that is not the stated one
are worse than none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from heddle.serving.load.connection import Address, ConnectionPool
from heddle.serving.load.requests import http_request
from heddle.serving.profiler.bench import CannotServeError, Case

_PATIENCE_S = 30.0


async def require_point(address: Address, service: str, case: Case, *, is_on_cpu: bool) -> None:
    """Raise CannotServeError when the instance joins fewer requests, or runs elsewhere."""
    parameters = await _parameters(address, service)
    notes = parameters.get("notes", "")
    if parameters.get("batch") != str(case.batch):
        raise CannotServeError(f"it takes no batches of {case.batch}: {notes}")
    if not is_on_cpu and "CUDA" not in notes:
        raise CannotServeError(
            f"ONNX Runtime does not use the GPU here ({notes}); install onnxruntime-gpu"
        )


async def _parameters(address: Address, service: str) -> Mapping[str, Any]:
    pool = ConnectionPool(address)
    try:
        request = http_request("GET", f"/v2/models/{service}", address, {})
        answer = await pool.ask(request, _PATIENCE_S)
    finally:
        pool.close()
    try:
        parameters: Mapping[str, Any] = json.loads(answer.body)["parameters"]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotServeError(
            f"the instance does not describe its network: status {answer.status}"
        ) from error
    return parameters
