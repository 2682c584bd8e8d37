"""Without numba the same source runs interpreted, and says the same to the byte."""

from __future__ import annotations

import subprocess
import sys

import pytest

from heddle.runtime.compiled import HAS_COMPILER

HIDE = """
import sys
sys.modules["numba"] = sys.modules["llvmlite"] = None
"""
PLAY = """
from heddle.runtime.core.backend import BackendOptions
from heddle.runtime.core.constants import BE, RT
from heddle.runtime.core.kernel import QueueSpec
from heddle.runtime.core.registration import add_queue, submit
from heddle.runtime.simulated.gpu import SimulatedGpu

gpu = SimulatedGpu("MI50", BackendOptions(is_recording=True, record_until_ns=1_000_000))
rt, be = add_queue(gpu.board, QueueSpec(RT)), add_queue(gpu.board, QueueSpec(BE))
submit(gpu.board, be, gpu.add_network("densenet"), 0)
submit(gpu.board, rt, gpu.add_network("mobilenet"), 300_000)
gpu.advance(900_000)
for span in gpu.spans():
    print(span)
print(gpu.board.preemptions[:1], gpu.board.counts)
"""


def said(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not HAS_COMPILER, reason="numba is missing: pip install '.[runtime]'")
def test_the_interpreted_runtime_says_what_the_compiled_one_says() -> None:
    compiled = said(PLAY)
    assert "is_lost=False" in compiled
    assert said(HIDE + PLAY) == compiled


def test_real_devices_ask_for_numba() -> None:
    script = HIDE + "from heddle.cli.main import main\nsys.exit(main(['run', *sys.argv[1:]]))\n"
    words = ["examples/07-real-time/cpu.json", "--device", "cpu", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'heddle-gpu[runtime]'" in done.stderr
