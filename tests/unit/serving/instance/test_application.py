"""The application without a network below it: what it says before, during and after."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from heddle.clock import ManualClock
from heddle.serving.batching.batcher import Batcher, BatchPlan
from heddle.serving.engines.engine import Tensors
from heddle.serving.instance.application import Application
from instance_process import SLEEP, fp32_request, order_of_one
from scripted_engine import HeldWorker, ScriptedEngine

_INFER = "/v2/models/vision/infer"


class Client:
    """Asks an application as an HTTP server would."""

    def __init__(self, max_body_bytes: int = 1000) -> None:
        self.clock = ManualClock()
        self.application = Application(order_of_one(SLEEP), self.clock, max_body_bytes)

    def begin(self, engine: ScriptedEngine) -> HeldWorker:
        """Make it ready with one worker that the test holds."""
        worker = HeldWorker(engine)
        plan = BatchPlan(batch=4, max_queue=8, slo_ms=100.0, batch_ms=10.0)
        batcher = Batcher(plan, [worker], self.clock, self.application.counters.note_batch)
        self.application.begin(engine.signature, batcher, 4)
        return worker

    async def ask(
        self, path: str, *chunks: bytes, method: str = "POST", is_gone: bool = False
    ) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and JSON of the reply; -1 when there was none."""
        coming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        coming.append({"type": "http.request", "body": b"", "more_body": False})
        if is_gone:
            coming[-1] = {"type": "http.disconnect"}
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not coming:
                await asyncio.Event().wait()
            return coming.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": []}
        await self.application(scope, receive, send)
        if not sent:
            return -1, {}, None
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, json.loads(sent[1]["body"])


def with_a_client(body: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        await body(Client())

    asyncio.run(run())


def test_before_its_engine_is_ready_it_is_alive_and_executes_nothing() -> None:
    async def body(client: Client) -> None:
        assert (await client.ask("/v2/health/live", method="GET"))[0] == 200
        for path in ("/v2/health/ready", "/v2/models/vision", "/v2/models/vision/ready"):
            assert (await client.ask(path, method="GET"))[0] == 503
        status, headers, members = await client.ask(_INFER, fp32_request([[1]]))

        assert (status, headers["heddle-not-executed"]) == (503, "1")
        assert "not ready yet" in members["error"]

    with_a_client(body)


def test_a_body_that_comes_in_pieces_is_put_together_up_to_the_limit() -> None:
    async def body(client: Client) -> None:
        worker = client.begin(ScriptedEngine())
        whole = fp32_request([[1, 2]], "x")
        asking = asyncio.create_task(client.ask(_INFER, whole[:10], whole[10:]))
        while worker.held is None:
            await asyncio.sleep(0)
        worker.release()
        status, _, members = await asking

        assert status == 200
        assert members["outputs"][0]["data"] == [3.0, 5.0]
        assert (await client.ask(_INFER, bytes(600), bytes(600)))[0] == 413

    with_a_client(body)


def test_a_client_that_goes_away_in_its_body_gets_no_reply_and_holds_up_no_drain() -> None:
    async def body(client: Client) -> None:
        client.begin(ScriptedEngine())

        assert (await client.ask(_INFER, b"{", is_gone=True))[0] == -1
        await asyncio.wait_for(client.application.drain(), 10.0)

    with_a_client(body)


def test_a_drain_ends_when_the_last_answer_is_made_and_closes_connections() -> None:
    async def body(client: Client) -> None:
        worker = client.begin(ScriptedEngine())
        asking = asyncio.create_task(client.ask(_INFER, fp32_request([[1]], "x")))
        while worker.held is None:
            await asyncio.sleep(0)
        draining = asyncio.create_task(client.application.drain())
        await asyncio.sleep(0)
        refused, headers, _ = await client.ask(_INFER, fp32_request([[1]], "x"))
        assert not draining.done()
        worker.release()
        status, answered, _ = await asking
        await asyncio.wait_for(draining, 10.0)

        assert (refused, status) == (503, 200)
        assert headers["connection"] == answered["connection"] == "close"
        assert headers["heddle-not-executed"] == "1"

    with_a_client(body)


class ForgetfulEngine(ScriptedEngine):
    """Leaves out what it is asked for: a defect."""

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        del outputs
        return {"other": np.zeros(inputs["x"].shape[0])}


def test_a_defect_is_a_500_without_its_traceback_which_is_in_the_log(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def body(client: Client) -> None:
        worker = client.begin(ForgetfulEngine())
        asking = asyncio.create_task(client.ask(_INFER, fp32_request([[1]], "x")))
        while worker.held is None:
            await asyncio.sleep(0)
        worker.release()
        status, _, members = await asking

        assert status == 500
        assert members == {"error": "the instance failed on this request; its log has the reason"}

    with_a_client(body)
    assert "KeyError: 'y'" in capfd.readouterr().err
