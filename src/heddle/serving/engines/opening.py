"""Opens the engine that a service names. The workers of an instance call it.

ONNX Runtime is imported only when a service needs it.
"""

from __future__ import annotations

from heddle.errors import InputError
from heddle.serving.engines.engine import InferenceEngine
from heddle.serving.engines.sharing import SteppedEngine
from heddle.serving.engines.sleep import SleepEngine
from heddle.workload.serving_spec import Engine, ServingSpec


def open_engine(spec: ServingSpec, num_threads: int) -> InferenceEngine:
    """Return the engine, loaded; blocks.

    Parameters
    ----------
    spec
        Of the service.
    num_threads
        That one run of the engine may use, at least 1.

    Raises
    ------
    InputError
        The engine is the user's own program, or its network cannot be loaded.
    """
    if spec.engine is Engine.SLEEP:
        return SleepEngine(spec.sleep_ms)
    if spec.engine is Engine.ONNX:
        from heddle.serving.engines.onnx import open_network  # noqa: PLC0415

        return open_network(spec.path, num_threads)
    raise _not_ours(spec)


def open_stepped(spec: ServingSpec, num_threads: int) -> SteppedEngine:
    """Return the engine as a guest runs it, in steps; blocks. As :func:`open_engine` otherwise."""
    if spec.engine is Engine.SLEEP:
        return SleepEngine(spec.sleep_ms)
    if spec.engine is Engine.ONNX:
        from heddle.serving.engines.onnx import open_segments  # noqa: PLC0415

        return open_segments(spec.path, num_threads)
    raise _not_ours(spec)


def _not_ours(spec: ServingSpec) -> InputError:
    return InputError(
        f"engine {spec.engine.value!r} is a program of its own; expected onnx or sleep"
    )
