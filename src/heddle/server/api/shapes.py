"""What clients send, as pydantic reads it. The only module besides ``routes`` that knows it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/]+$")
]
_FILE_NAME = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_MAX_FILE_LENGTH = 16 << 20


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Workload(_Shape):
    """A workload file and what it names."""

    files: dict[_FILE_NAME, Annotated[str, StringConstraints(max_length=_MAX_FILE_LENGTH)]] = Field(
        description="contents by name, relative to the workload file", max_length=100
    )
    workload: _FILE_NAME = Field(description="the name of the workload file among them")
    links: dict[_FILE_NAME, _FILE_NAME] = Field(
        default_factory=dict,
        max_length=100,
        description="absolute paths of networks on this machine, by the names in the workload",
    )
    dry_run: bool = Field(default=False, description="plan, and change nothing")


class AskedTransition(_Shape):
    """A transition file."""

    transition: dict[str, Any]
    dry_run: bool = False


class Fault(BaseModel):
    """What is wrong."""

    message: str


class Refusal(BaseModel):
    """The body of every answer that is not a success."""

    error: Fault


class Accepted(BaseModel):
    """The transition that was accepted; none when nothing has to change."""

    transition: str | None
    sentence: str = ""
