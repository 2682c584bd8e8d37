"""Asks the planning worker: one process for each plan, one plan at a time."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from heddle.cluster.json_object import JsonObject, parse_json
from heddle.cluster.json_text import encode
from heddle.errors import HostError, InputError, NoPlanError
from heddle.runtime.process import run_to_end_async
from heddle.server.plan_message import Answer, Question, answer_of
from heddle.settings import child_environment

_LIMIT_S = 120.0
_ANSWER = Path("plan")


class PlannerProcess:
    """Plans in child processes."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def answer(self, question: Question) -> Answer:
        """Return the plan for a question.

        Raises
        ------
        InputError, NoPlanError
            As the worker says.
        HostError
            It broke, or took too long.
        """
        words = [sys.executable, "-m", "heddle.server.planning_worker"]
        async with self._turn:
            ended = await run_to_end_async(
                words, child_environment({}), encode(question.members()).encode(), _LIMIT_S
            )
        if ended.exit_code:
            said = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise HostError(f"the planner broke: {' '.join(said) or ended.exit_code}")
        return _answer(parse_json(ended.stdout.decode(), _ANSWER))


def _answer(entry: JsonObject) -> Answer:
    if "error" not in entry:
        return answer_of(entry)
    message = entry.sentence("error")
    kinds = {2: InputError, NoPlanError.exit_code: NoPlanError}
    raise kinds.get(entry.integer("exit_code", 0, 255), HostError)(message)
