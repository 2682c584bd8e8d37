"""The entry of the command line.

Only the module of the verb that was asked for is imported, so ``heddle --help`` stays
quick.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, NoReturn, Protocol

from heddle import __version__
from heddle.errors import HeddleError, InputError, listed, nearest

INTERRUPTED = 130


class Verb(NamedTuple):
    """A verb, what it does in one line, and the module that does it."""

    name: str
    summary: str
    module: str


VERBS = (
    Verb("plan", "the fewest or cheapest GPUs for a workload, with a certificate", "plan"),
    Verb("verify", "check a deployment and its certificate independently", "verify"),
    Verb("whatif", "plans side by side: looser limits, other GPUs, forbidden profiles", "whatif"),
    Verb("compare", "every solver on one workload: GPUs, gap, time", "compare"),
    Verb("transition", "from what runs to what is wanted, proved in every state", "transition"),
    Verb("up", "start this machine's daemon: serve, move, show it", "up"),
    Verb("down", "take this machine down: services, instances, processes", "down"),
    Verb("status", "what runs on this machine, and how it does", "status"),
    Verb("apply", "move a machine to a workload; or carry a transition out", "apply"),
    Verb("load", "ask a running service at a stated rate, and tell how it answered", "load"),
    Verb("run", "real-time and best-effort networks on one device: a DISB workload", "run"),
    Verb("logs", "the end of a log: a service, an instance, heddle's own", "logs"),
    Verb("events", "what happened on this machine, and why", "events"),
    Verb("suspend", "free a service's instances until it is resumed", "suspend"),
    Verb("resume", "bring a suspended service back", "resume"),
    Verb("replan", "plans and moves over a day of demand, with hysteresis", "replan"),
    Verb("simulate", "a simulated cluster in a process of its own, in virtual time", "simulate"),
    Verb("gpus", "GPU types: profiles, starts, partitions, drawn", "gpus"),
    Verb("study", "how measured performance scales with the instance", "study"),
    Verb("import", "convert other tools' measurements", "import_table"),
    Verb("generate", "reproducible synthetic workloads", "generate"),
    Verb("cms", "configurable machine scheduling in general form", "cms"),
    Verb("profile", "measure networks on this machine, into a performance table", "profile"),
    Verb("zoo", "networks without downloads: list them, write one as ONNX", "zoo"),
    Verb("bench", "the benchmarks", "bench"),
)


class VerbHelp(argparse.HelpFormatter):
    """Help whose column of summaries leaves room for the longest verb, indent included."""

    _INDENT = 4

    def add_argument(self, action: argparse.Action) -> None:
        """Take note of an argument; argparse counts verbs without all of their indent."""
        super().add_argument(action)
        longest = max(len(verb.name) for verb in VERBS)
        self._action_max_length = max(self._action_max_length, longest + self._INDENT)


class CommandModule(Protocol):
    """What the module of a verb offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""
        ...


class Parser(argparse.ArgumentParser):
    """A parser whose objections are errors like all others: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(f"{message}; {self.prog} --help tells more")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks must not end a finished run.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        exit_code = _run(words)
        sys.stdout.flush()
    except HeddleError as error:
        print(f"heddle: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("heddle: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return exit_code


def _run(words: Sequence[str]) -> int:
    parser, module = _parser_for(words)
    arguments = parser.parse_args(words)
    if module is None:
        parser.print_help(sys.stderr)
        return 2
    return module.run(arguments)


def _parser_for(words: Sequence[str]) -> tuple[Parser, CommandModule | None]:
    """Return the parser, with the arguments of the verb that was asked for."""
    parser = Parser(
        prog="heddle",
        description="One scheduler for shared GPUs.",
        epilog="heddle VERB --help tells more. Exit codes: 0 done; 1 the answer is no; "
        "2 bad input; 130 interrupted.",
        formatter_class=VerbHelp,
    )
    parser.add_argument("--version", action="version", version=f"heddle {__version__}")
    choices = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    wanted = next((word for word in words if not word.startswith("-")), None)
    names = [verb.name for verb in VERBS]
    if wanted is not None and wanted not in names:
        raise InputError(f"unknown verb {wanted!r}{nearest(wanted, names)}; known: {listed(names)}")
    module: CommandModule | None = None
    for verb in VERBS:
        command = choices.add_parser(verb.name, help=verb.summary, description=verb.summary)
        if verb.name == wanted:
            module = _load(verb)
            module.configure(command)
    return parser, module


def _load(verb: Verb) -> CommandModule:
    """Return a verb's module; InputError when it needs a library that is not installed."""
    try:
        module: CommandModule = importlib.import_module(f"heddle.cli.{verb.module}")
    except ModuleNotFoundError as error:
        missing = (error.name or "heddle").partition(".")[0]
        if missing == "heddle":
            raise
        raise InputError(
            f"heddle {verb.name} needs {missing}, which is not installed: "
            "pip install 'heddle-gpu[server]'"
        ) from error
    return module
