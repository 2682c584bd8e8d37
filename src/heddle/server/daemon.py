"""The daemon: what one machine is asked to do, from request to transition.

``api`` calls its methods, ``__main__`` starts and ends it. Its life is numbered in
:meth:`Daemon.begin`. Everything it decides is written to the store first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from heddle import __version__
from heddle.clock import Clock, unix_s
from heddle.cluster.json_object import JsonObject
from heddle.cluster.line_client import AsyncLineClient, RefusedError
from heddle.cluster.node_wire import snapshot_of
from heddle.cluster.snapshot import Snapshot
from heddle.errors import HeddleError, HostError, InputError, listed, nearest
from heddle.server.bundle import Bundle, discard, keep
from heddle.server.following import HOLDS_FOR, Following
from heddle.server.leftovers import take_down
from heddle.server.mover import Mover
from heddle.server.plan_message import Answer, Question
from heddle.server.planner_process import PlannerProcess
from heddle.server.service_ports import with_ports
from heddle.server.staleness import StalenessWatch
from heddle.server.standings import Standings
from heddle.server.state_folder import StateFolder
from heddle.server.status import devices_status, services_status, transition_status
from heddle.server.store import AcceptedMove, Store
from heddle.server.supervision import Supervision
from heddle.server.told_event import ToldEvent
from heddle.server.traffic_window import TrafficWindow
from heddle.transition.execution.decision import Decision
from heddle.transition.transition import Transition
from heddle.workload.service_spec import ServiceSpec

#: While somebody looks or demand is followed, and otherwise.
_POLL_S = 1.0
_IDLE_POLL_S = 5.0
_LOOKED_AT_S = 15.0
_PAUSE_S = 60.0


class BusyError(HeddleError):
    """Another transition runs; trying again when it has ended helps."""

    is_retryable = True


class UnknownError(InputError):
    """There is nothing of that name."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a wish: the plan, and the move that carries it out (None: dry run)."""

    answer: Answer
    move: AcceptedMove | None


class Daemon:
    """One machine.

    Parameters
    ----------
    folder
        Of its state.
    store
        The fold of its ledger.
    supervision
        Of node agent and router.
    clock
        The machine's.
    url
        Where the API is.
    """

    def __init__(
        self, folder: StateFolder, store: Store, supervision: Supervision, clock: Clock, url: str
    ) -> None:
        self.store = store
        self.folder = folder
        self._supervision = supervision
        self._clock = clock
        self._url = url
        self._host = urlsplit(url).hostname or "127.0.0.1"
        self._begun_unix_s = unix_s()
        self._planner = PlannerProcess()
        self._window = TrafficWindow()
        self._details: Mapping[str, Any] = {}
        self._staleness = StalenessWatch()
        self._standings = Standings()
        self._following = Following()
        self._mover: Mover | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: dict[Path, AsyncLineClient] = {}
        self._looked_s = float("-inf")
        self._has_news = asyncio.Event()
        self._version = 0
        self._loop = asyncio.get_running_loop()
        self.is_ending = asyncio.Event()
        store.listen(self._heard)

    async def begin(self) -> None:
        """Come up, whatever was before.

        Raises
        ------
        HostError
            Agent or router do not come up.
        """
        # 1. Node agent and router: adopted, or started.
        await self._supervision.begin()
        # 2. They learn what is wanted, in case they are new.
        with self._told_when_refused("services.refused"):
            await self._tell_services()
        # 3. A transition that was under way goes on.
        if self.store.move is not None and self.store.move.is_running:
            self._carry_out(self.store.move)
        # 4. Look, from now on.
        await self._forget_services()
        await self._look()
        self._keep(self._watch())
        self._keep(self._follow())
        self.store.tell("daemon.started", "started", f"heddle {__version__} is up")

    async def close(self) -> None:
        """End; what runs goes on without a daemon. A transition waits for the next one."""
        if self._mover is not None:
            await asyncio.to_thread(self._mover.pause, _PAUSE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._supervision.close()
        self._standings.close()
        for client in self._clients.values():
            client.close()

    async def shut_down(self) -> None:
        """Take everything down: services are drained, instances removed, processes ended.

        Raises
        ------
        HostError
            Something may be left, and the daemon ends all the same; ``heddle down`` tries
            again.
        """
        if self._mover is not None:
            await asyncio.to_thread(self._mover.pause, _PAUSE_S)
        await self._supervision.close()
        try:
            await asyncio.to_thread(take_down, self.folder)
        finally:
            self.is_ending.set()

    async def apply(self, bundle: Bundle, *, is_dry_run: bool) -> Applied:
        """Plan a workload and, unless it is a dry run, carry the transition out.

        Raises
        ------
        InputError, NoPlanError
            The workload is wrong, or there is no way.
        BusyError
            A transition runs.
        """
        async with self._turn:
            self._require_idle()
            number = self.store.last_event + 1
            folder = self.folder.path / "workloads" / f"{number}-{int(unix_s() * 1000)}"
            try:
                path = keep(bundle, folder)
                answer = await self._planned(path, {})
                if is_dry_run:
                    discard(folder)
                    return Applied(answer, None)
                specs = with_ports(answer.services, self.store.ports, answer.lodgings)
                await self._want([*specs, *self._leaving(answer)])
            except HeddleError:
                discard(folder)
                raise
            stated = {name: service.rate_rps for name, (service, _) in answer.services.items()}
            self.store.apply_workload(path, answer.replan_every_s, stated)
            self._following = Following()
            resumed = self.store.suspended & answer.services.keys()
            for name in resumed:
                self.store.resume(name)
            if resumed & answer.lodgings.keys():
                await self._tell_services()
            return Applied(answer, self._accepted(answer))

    async def carry_out(self, transition: Transition, *, is_dry_run: bool) -> AcceptedMove | None:
        """Carry out a transition as it is; refused by the executor if it is not safe."""
        async with self._turn:
            self._require_idle()
            unknown = sorted(transition.target.services.keys() - self.store.services.keys())
            if unknown:
                raise InputError(
                    f"service {unknown[0]!r} is not known here; apply a workload that says how "
                    "it is run"
                )
            if is_dry_run:
                return None
            move = self.store.accept(transition)
            self._carry_out(move)
            return move

    async def set_suspended(self, service: str, *, is_suspended: bool) -> AcceptedMove | None:
        """Free a service's instances, or bring them back; None when it is so already."""
        async with self._turn:
            self._require_known(service)
            self._require_idle()
            if (service in self.store.suspended) == is_suspended:
                return None
            change = self.store.suspend if is_suspended else self.store.resume
            if self.store.services[service].lodging is not None:
                # A guest has no instances, so nothing moves: its hosts let it go, or take it in.
                change(service)
                await self._tell_services()
                return None
            suspended = set(self.store.suspended) | {service}
            if not is_suspended:
                suspended.discard(service)
            answer = await self._planned(self._workload(), dict.fromkeys(suspended, 0.0))
            change(service)
            return self._accepted(answer)

    def abort(self, move_id: str) -> None:
        """Let a running transition lead back; InputError when it does not run."""
        move = self.store.move
        if move is None or move.id != move_id or not move.is_running or self._mover is None:
            raise InputError(f"no transition {move_id!r} runs")
        self._mover.abort()

    async def snapshot(self) -> Snapshot:
        """Return what runs."""
        reply = await self._ask(self.folder.agent_socket, {"ask": "observe"})
        return snapshot_of(reply.member("snapshot"))

    async def logs(self, kind: str, name: str, num_lines: int) -> Mapping[str, Any]:
        """Return the end of a log: of an ``instance`` or a ``service``; UnknownError if none."""
        try:
            reply = await self._ask(
                self.folder.agent_socket, {"ask": "logs", kind: name, "lines": num_lines}
            )
        except RefusedError as error:
            raise UnknownError(f"{kind} {name!r} has no log on this machine") from error
        return {"file": reply.text("file"), "lines": list(reply.words("lines"))}

    def status(self) -> dict[str, Any]:
        """Return the state of the machine; looking makes it fresh from now on."""
        self._looked_s = self._clock.now_s()
        return {
            "daemon": {
                "version": __version__,
                "pid": self._supervision.own_pid,
                "pids": {
                    "daemon": self._supervision.own_pid,
                    "agent": self._supervision.pid("agent"),
                    "router": self._supervision.pid("router"),
                },
                "started_unix_s": self._begun_unix_s,
                "url": self._url,
                "state_folder": str(self.folder.path),
                "is_following": self.store.replan_every_s is not None,
            },
            "devices": devices_status(self._details, self._standings.found),
            "services": services_status(
                self.store, self._details, self._window, self._extra(), self._host
            ),
            "transition": transition_status(self.store.move, self._mover),
            "runtime": self._details.get("runtime"),
            "last_event": self.store.last_event,
        }

    async def fresh_status(self) -> dict[str, Any]:
        """Return the state after looking once more."""
        await self._look()
        return self.status()

    async def changed(self, version: int, within_s: float) -> int:
        """Wait until the state is another one than at a version, or time is over."""
        if self._version == version:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._has_news.wait()
        return self._version

    def _heard(self, _event: ToldEvent) -> None:
        """Note an event, from whatever thread it comes."""
        self._loop.call_soon_threadsafe(self._note)

    def _note(self) -> None:
        self._version += 1
        self._has_news.set()
        self._has_news = asyncio.Event()

    async def _watch(self) -> None:
        while True:
            is_looked_at = self._clock.now_s() - self._looked_s < _LOOKED_AT_S
            is_busy = is_looked_at or self._is_moving or self.store.replan_every_s is not None
            await asyncio.sleep(_POLL_S if is_busy else _IDLE_POLL_S)
            await self._look()

    async def _look(self) -> None:
        """Read the agent's details and the router's counters; silence leaves the last ones."""
        with contextlib.suppress(HeddleError):
            reply = await self._ask(self.folder.agent_socket, {"ask": "details"})
            self._tell_deaths(self._details, reply.raw)
            self._details = reply.raw
            await self._standings.look(reply.raw.get("instances", ()))
        with contextlib.suppress(HeddleError):
            reply = await self._ask(self.folder.router_socket, {"ask": "stats"})
            self._window.learn(self._clock.now_s(), reply)
            self._tell_staleness()
        self._note()

    def _extra(self) -> dict[str, dict[str, Any]]:
        """Return what the status says of services beyond counters: forecasts, staleness."""
        extra = self._following.members() if self.store.replan_every_s is not None else {}
        for name in self._staleness.services:
            extra[name] = {**extra.get(name, {}), "is_stale": True}
        return extra

    def _tell_staleness(self) -> None:
        limits_ms = {name: spec.service.latency_ms for name, spec in self.store.services.items()}
        instances = self._details.get("instances", ())
        for change in self._staleness.look(instances, limits_ms, self._window):
            kind = "instance.stale" if change.is_stale else "instance.sound"
            self.store.tell(
                kind,
                change.reason,
                change.sentence,
                instance=change.instance,
                service=change.service,
            )

    async def _follow(self) -> None:
        """Plan for what is expected, at the interval of the workload, while it has one."""
        while True:
            every_s = self.store.replan_every_s
            await asyncio.sleep(_POLL_S if every_s is None else every_s)
            if every_s is None:
                continue
            try:
                await self._follow_once()
            except HeddleError as error:
                self.store.tell("following.failed", "failed", str(error))

    async def _follow_once(self) -> None:
        """Learn, plan, decide, move; every decision is told, also the one to stay."""
        # 1. What came in, and what is expected.
        await self._look()
        names = self.store.served()
        arrived = {name: self._window.totals(name)["num_arrived"] for name in names}
        self._following.learn(arrived, self._clock.now_s())
        async with self._turn:
            expected = self._following.sentence()
            if self._is_moving or not expected:
                reason = "moving" if self._is_moving else "no_forecast"
                sentence = "a transition runs" if self._is_moving else "too little was seen yet"
                self.store.tell("following.stayed", reason, sentence)
                return
            # 2. The plan for that, and whether it pays to go there.
            rates = self._following.rates_rps(self.store.stated_rps, self.store.suspended)
            unneeded_s = HOLDS_FOR * (self.store.replan_every_s or 0.0)
            answer = await self._planned(self._workload(), rates, unneeded_s)
            sentence = f"{answer.sentence}; expected: {expected}"
            if answer.transition is None or not answer.transition.steps:
                self.store.tell("following.stayed", answer.reason.replace(" ", "_"), sentence)
                return
            # 3. Go.
            self.store.tell("following.moved", answer.reason.replace(" ", "_"), sentence)
            self.store.want(_restated(self.store.services, answer.transition))
            self._accepted(answer)

    def _tell_deaths(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Tell of instances that were restarted since the last look."""
        old = {(one["gpu"], one["start"]): one for one in before.get("instances", ())}
        for one in after.get("instances", ()):
            last = old.get((one["gpu"], one["start"]), {})
            if one.get("num_restarts", 0) > last.get("num_restarts", 0):
                sentence = one["message"] or last.get("message") or "it ended and was started again"
                self.store.tell(
                    "instance.died", "restarted", sentence,
                    instance=one["instance"], service=one["service"], gpu=one["gpu"],
                )  # fmt: skip

    @property
    def _is_moving(self) -> bool:
        return self.store.move is not None and self.store.move.is_running

    def _require_idle(self) -> None:
        if self._is_moving and self.store.move is not None:
            raise BusyError(f"transition {self.store.move.id} runs; wait for its end, or abort it")

    def _require_known(self, service: str) -> None:
        known = self.store.services
        if service not in known:
            raise UnknownError(
                f"no service {service!r} here{nearest(service, known)}; "
                f"there are: {listed(known) or 'none'}"
            )

    def _workload(self) -> Path:
        if self.store.workload is None:
            raise InputError("no workload was applied yet")
        return self.store.workload

    async def _planned(
        self, workload: Path, rates_rps: Mapping[str, float], unneeded_s: float | None = None
    ) -> Answer:
        snapshot = await self.snapshot()
        question = Question(workload, snapshot, self.store.served(), rates_rps, unneeded_s)
        return await self._planner.answer(question)

    def _accepted(self, answer: Answer) -> AcceptedMove | None:
        if answer.transition is None:
            return None
        move = self.store.accept(answer.transition)
        self._carry_out(move)
        return move

    def _carry_out(self, move: AcceptedMove) -> None:
        self.store.tell(
            "transition.begun", "begun", f"{len(move.transition.steps)} steps", transition=move.id
        )
        self._mover = Mover(
            self.store, move, self.folder.agent_socket, self._move_decided, self._move_ended
        )
        self._mover.start()

    def _move_decided(self, decision: Decision) -> None:
        """Tell of a decision of the executor; called in its thread."""
        self.store.tell("transition.decided", decision.reason.value, decision.sentence)

    def _move_ended(self, state: str, sentence: str) -> None:
        """Write down the end of a move; called in its thread."""
        self.store.end(state, sentence)
        self.store.tell("transition.ended", state, sentence or state)
        self._loop.call_soon_threadsafe(lambda: self._keep(self._forget_services()))

    def _leaving(self, answer: Answer) -> list[ServiceSpec]:
        """Return the services that a workload has no more.

        They are known until the transition is done: it may have to lead back to them.
        """
        if answer.transition is None:
            return []
        known = self.store.services
        return [spec for name, spec in known.items() if name not in answer.services]

    async def _forget_services(self) -> None:
        """Forget services that are not in the workload, once nothing of them runs."""
        async with self._turn:
            known = self.store.services
            wanted = [spec for name, spec in known.items() if name in self.store.stated_rps]
            move = self.store.move
            if len(wanted) == len(known) or (move is not None and move.state != "done"):
                return
            with self._told_when_refused("services.refused"):
                await self._want(wanted)

    async def _want(self, specs: Sequence[ServiceSpec]) -> None:
        """Write down all services and tell them; where that is refused, all is as before."""
        before = list(self.store.services.values())
        self.store.want(specs)
        try:
            await self._tell_services()
        except HostError:
            self.store.want(before)
            with contextlib.suppress(HostError):
                await self._tell_services()
            raise

    @contextlib.contextmanager
    def _told_when_refused(self, kind: str) -> Iterator[None]:
        """Make an event of what agent or router refuse, where nobody waits for an answer."""
        try:
            yield
        except HostError as error:
            self.store.tell(kind, "refused", str(error))

    async def _tell_services(self) -> None:
        specs = [self._told(spec).members() for spec in self.store.services.values()]
        await self._ask(self.folder.agent_socket, {"ask": "services", "specs": specs})

    def _told(self, spec: ServiceSpec) -> ServiceSpec:
        """Return a service as it is to be now: a guest that is suspended has no host."""
        if spec.lodging is None or spec.name not in self.store.suspended:
            return spec
        return replace(spec, lodging=spec.lodging._replace(hosts=()))

    async def _ask(
        self, socket: Path, request: Mapping[str, Any], silence_s: float = 30.0
    ) -> JsonObject:
        """Ask a child; a connection that broke is opened once more."""
        client = self._clients.pop(socket, None)
        if client is not None:
            try:
                reply = await client.ask(request, silence_s)
            except RefusedError:
                self._clients[socket] = client
                raise
            except HostError:
                client.close()
            else:
                self._clients[socket] = client
                return reply
        client = await AsyncLineClient.connect(socket)
        try:
            reply = await client.ask(request, silence_s)
        except HostError:
            client.close()
            raise
        if socket in self._clients:
            client.close()
        else:
            self._clients[socket] = client
        return reply

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _restated(services: Mapping[str, ServiceSpec], transition: Transition) -> list[ServiceSpec]:
    """Return the services with the rates for which a transition was planned."""
    stated = transition.target.services
    return [
        replace(spec, service=stated.get(name, spec.service)) for name, spec in services.items()
    ]
