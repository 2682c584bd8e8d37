"""The routes. Each calls one method of the daemon; errors become answers here, and only here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from heddle import __version__
from heddle.cluster.json_object import JsonObject
from heddle.cluster.node_wire import snapshot_members
from heddle.errors import HeddleError, InputError, NoPlanError
from heddle.server.api.shapes import Accepted, AskedTransition, Name, Refusal, Workload
from heddle.server.bundle import Bundle
from heddle.server.daemon import BusyError, Daemon, UnknownError
from heddle.server.dashboard.pages import Page, pages
from heddle.server.metrics_text import metrics_text
from heddle.transition.transition_file import transition_of, transition_text

_ID = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
_SERVICE = Annotated[Name, Path()]
_LINES = Annotated[int, Query(ge=1, le=10_000)]
_SSE_EVERY_S = 5.0
_MIN_GAP_S = 0.3
_PAGE = 1000
_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Refusal} for code in (400, 401, 404, 409, 413, 415, 421, 422, 429, 503)
}


def make_app(daemon: Daemon) -> FastAPI:
    """Return the application of a daemon, without the guard."""
    app = FastAPI(
        title="heddle", version=__version__, docs_url=None, redoc_url=None, responses=_ERRORS
    )
    _add_errors(app)
    _add_pages(app)
    _add_state(app, daemon)
    _add_history(app, daemon)
    _add_changing(app, daemon)
    return app


def _add_pages(app: FastAPI) -> None:
    for path, page in pages().items():
        _add_page(app, path, page)


def _add_page(app: FastAPI, path: str, page: Page) -> None:
    @app.get(path, include_in_schema=False)
    async def file() -> Response:
        headers = {"cache-control": "no-cache"}
        return Response(page.content, media_type=page.content_type, headers=headers)


def _add_state(app: FastAPI, daemon: Daemon) -> None:
    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/status")
    async def status() -> dict[str, Any]:
        return await daemon.fresh_status()

    @app.get("/v1/snapshot")
    async def snapshot() -> dict[str, Any]:
        return snapshot_members(await daemon.snapshot())

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> str:
        return metrics_text(await daemon.fresh_status())


def _add_history(app: FastAPI, daemon: Daemon) -> None:
    @app.get("/v1/events")
    async def events(
        after: Annotated[int, Query(ge=0, lt=1 << 53)] = 0,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE,
    ) -> dict[str, Any]:
        found = daemon.store.events(after, limit)
        return {"events": [one.members() for one in found], "last": daemon.store.last_event}

    @app.get("/v1/stream", response_class=StreamingResponse)
    async def stream(
        last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,15}$")] = None,
    ) -> StreamingResponse:
        after = daemon.store.last_event if last_event_id is None else int(last_event_id)
        lines = _stream(daemon, after)
        headers = {"cache-control": "no-store"}
        return StreamingResponse(lines, media_type="text/event-stream", headers=headers)

    @app.get("/v1/transitions/{move}")
    async def transition(move: _ID) -> dict[str, Any]:
        found = daemon.status()["transition"]
        if found is None or found["id"] != move:
            raise HTTPException(404, f"no transition {move!r} is kept; the last one is")
        return dict(found)

    @app.get("/v1/services/{service}/logs")
    async def service_logs(service: _SERVICE, lines: _LINES = 100) -> dict[str, Any]:
        return dict(await daemon.logs("service", service, lines))

    @app.get("/v1/instances/{instance}/logs")
    async def instance_logs(instance: _ID, lines: _LINES = 100) -> dict[str, Any]:
        return dict(await daemon.logs("instance", instance, lines))


def _add_changing(app: FastAPI, daemon: Daemon) -> None:
    @app.post("/v1/apply", status_code=202)
    async def apply(asked: Workload) -> Response:
        bundle = Bundle(asked.workload, asked.files, asked.links)
        applied = await daemon.apply(bundle, is_dry_run=asked.dry_run)
        found = applied.answer.transition
        if asked.dry_run:
            plan = json.loads(transition_text(found)) if found else None
            return JSONResponse({"transition": plan, "sentence": applied.answer.sentence})
        return _accepted(applied.move.id if applied.move else None, applied.answer.sentence)

    @app.post("/v1/transitions", status_code=202)
    async def carry_out(asked: AskedTransition) -> Response:
        transition = transition_of(JsonObject(asked.transition, "", FilePath("transition")))
        move = await daemon.carry_out(transition, is_dry_run=asked.dry_run)
        return _accepted(move.id if move else None, "asked for")

    @app.post("/v1/transitions/{move}/abort", status_code=202)
    async def abort(move: _ID) -> Response:
        daemon.abort(move)
        return _accepted(move, "it leads back")

    @app.post("/v1/services/{service}/suspend", status_code=202)
    async def suspend(service: _SERVICE) -> Response:
        move = await daemon.set_suspended(service, is_suspended=True)
        return _accepted(move.id if move else None, f"{service} is suspended")

    @app.post("/v1/services/{service}/resume", status_code=202)
    async def resume(service: _SERVICE) -> Response:
        move = await daemon.set_suspended(service, is_suspended=False)
        return _accepted(move.id if move else None, f"{service} runs again")

    @app.post("/v1/shutdown", status_code=202)
    async def shutdown() -> Response:
        await daemon.shut_down()
        return _accepted(None, "everything is down")


def _accepted(move: str | None, sentence: str) -> Response:
    members = Accepted(transition=move, sentence=sentence).model_dump()
    return JSONResponse(members, status_code=202)


async def _stream(daemon: Daemon, after: int) -> AsyncIterator[bytes]:
    """Yield the state whenever it changes, and every event."""
    version = -1
    while not daemon.is_ending.is_set():
        for event in daemon.store.events(after, _PAGE):
            after = event.number
            yield f"id: {after}\nevent: event\ndata: {json.dumps(event.members())}\n\n".encode()
        yield f"event: status\ndata: {json.dumps(daemon.status())}\n\n".encode()
        await asyncio.sleep(_MIN_GAP_S)
        version = await daemon.changed(version, _SSE_EVERY_S)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HeddleError)
    async def heddle_error(_request: Request, error: HeddleError) -> Response:
        return _refused(_status_of(error), str(error))

    @app.exception_handler(RequestValidationError)
    async def validation_error(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first.get("loc", ()))
        return _refused(422, f"{place}: {first.get('msg', 'wrong')}")

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        return _refused(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def any_error(_request: Request, _error: Exception) -> Response:
        return _refused(500, "heddle failed; its log says more")


def _status_of(error: HeddleError) -> int:
    if isinstance(error, BusyError | NoPlanError):
        return 409
    if isinstance(error, UnknownError):
        return 404
    return 400 if isinstance(error, InputError) else 503


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message}}, status_code=status, headers=headers)
