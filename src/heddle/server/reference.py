"""What a service should answer: the same engine, here, for who checks answers under load.

``heddle load --check`` and the benchmarks use it. A command's answers are not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heddle.errors import InputError
from heddle.serving.engines.engine import Tensors
from heddle.serving.engines.onnx import open_network
from heddle.serving.engines.sleep import SleepEngine
from heddle.serving.load.inference import Reference
from heddle.workload.serving_spec import Engine


def reference_of(service: Mapping[str, Any]) -> Reference:
    """Return the reference for a service of the daemon's status.

    Raises
    ------
    InputError
        It runs a command of the user's, or its network cannot be read here.
    """
    kind = Engine(service["engine"])
    if kind is Engine.COMMAND:
        raise InputError(
            f"what {service['name']} should answer is not known: it runs a command of your own"
        )
    engine = SleepEngine(0.0) if kind is Engine.SLEEP else open_network(service["path"])
    names = engine.signature.output_names()

    def reference(inputs: Tensors) -> Tensors:
        return engine.run(inputs, names)

    return reference
