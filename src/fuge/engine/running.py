"""One service of a running system, from start to stop: waiting, starting, ready, crashed, restarted."""

import asyncio
import math
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from fuge.engine.backoff import Backoff
from fuge.engine.starting import addresses, check_ports, end, probe_of, program_of
from fuge.engine.states import (
    ACTIVE,
    FAILED,
    FINISHED,
    HOPELESS,
    NOT_MANAGED,
    NOT_READY,
    REACHED,
    RESTARTING,
    RUNNING,
    SETTLED,
    STARTING,
    STOPPED,
    STOPPING,
    UNSETTLED,
    WAITING,
)
from fuge.errors import FugeError, NoEngineError, NotReadyError
from fuge.plan.system import Service
from fuge.services.backend import Backend
from fuge.services.engines import Choice
from fuge.services.launcher import Launcher, Program
from fuge.services.process import Process
from fuge.services.readiness import Probe

if TYPE_CHECKING:
    from fuge.engine.bus import Bus
    from fuge.engine.containers import Containers

RECENT = 5  # lines kept for `why`


class Running:
    """The life of one instance of a service. `state` is one of the words of states.py, `reason` explains it.

    `changed` is called at each change of the state.
    """

    def __init__(
        self,
        service: Service,
        bus: "Bus",
        launcher: Launcher,
        containers: "Containers",
        environment: Callable[[Service], Mapping[str, str]],
        others: Callable[[str], "Running"],
        changed: Callable[[], object],
        fixed_state: str = "",
    ) -> None:
        self.service = service
        self.state = fixed_state or STOPPED
        self.reason = service.problem
        self.watch = service.monitor
        self.tail = service.tail
        self.process: Backend | None = None
        self.choice: Choice | None = None  # of the engine that runs a container
        self.probe: Probe | None = None
        self.began = -math.inf  # time.monotonic() of its last start
        self.ready_since: float | None = None  # time.monotonic()
        self.restarts = 0
        self.exit_code: int | None = None
        self.failure: type[FugeError] = NotReadyError  # what it is for who waits for it
        self.recent: deque[str] = deque(maxlen=RECENT)
        self.debug: tuple[str, ...] | None = None  # the command line that replaces `run` while debugging
        self._fixed = fixed_state
        self._bus, self._launcher, self._containers = bus, launcher, containers
        self._environment, self._others, self._tell = environment, others, changed
        self._changed = asyncio.Event()
        self._lock = asyncio.Lock()
        self._life: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[bool] | None = None
        self._killing: asyncio.Task[bool] | None = None
        self._impatient = False
        self._is_leaving = False

    # What others ask of it ------------------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def ready(self) -> bool:
        return self.state in (RUNNING, NOT_MANAGED)

    @property
    def startable(self) -> bool:
        return not self._fixed

    async def start(self, alone: bool = False) -> None:
        """Begin its life, if it has none now; `settled` tells how that went. `alone`: without waiting for others."""
        async with self._lock:
            self._begin(alone)

    async def stop(self) -> None:
        """End its life, and return when nothing of it runs any more."""
        async with self._lock:
            await self._end(STOPPED)
            self.debug = None

    def leave(self) -> None:
        """After the next stop it does not start again, whoever still holds it."""
        self._is_leaving = True

    def kill(self) -> None:
        """Make a stop that is under way, or comes next, end at once."""
        self._impatient = True
        if self.process:
            self._killing = asyncio.create_task(self.process.stop(signal.SIGKILL, 0))

    async def restart(self, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        """Stop, start when `pause` is over too: in one piece, so that a stop asked for meanwhile comes after it.

        It had once what it needs, so it waits for others that are on their way, and starts without the rest.
        """
        async with self._lock:
            pausing = asyncio.ensure_future(pause()) if pause else None
            await self._end(RESTARTING)
            if pausing:
                await pausing
            self._begin(again=True)

    async def settled(self) -> None:
        """Return when it is ready or has finished. Raises NotReadyError, or NoEngineError, when that does not come."""
        while self.state not in SETTLED:
            if self.state in UNSETTLED:
                raise self.failure(f"{self.service.name}: {self.reason or self.state}")
            await self._changed.wait()

    async def reaches(self, condition: str) -> None:
        """Return when it is "started", "ready" or "completed". Raises NotReadyError, or NoEngineError, if not."""
        while self.state not in REACHED[condition]:
            if self.state in HOPELESS[condition]:
                why = f": {self.reason.splitlines()[0]}" if self.reason else ""
                raise self.failure(f"it needs {self.service.name}, which is {self.state}{why}")
            await self._changed.wait()

    async def ended(self) -> int:
        """Wait until it does not run any more. Returns its exit code, or 1 if it never ran."""
        while self.active:
            await self._changed.wait()
        return 1 if self.exit_code is None else self.exit_code

    # Its life -------------------------------------------------------------------------------------------------

    def _begin(self, alone: bool = False, again: bool = False) -> None:
        if self._fixed or self._is_leaving or (self._life and not self._life.done()):
            return
        self.restarts, self.exit_code, self._impatient, self.failure = 0, None, False, NotReadyError
        self._set(WAITING)
        self._life = asyncio.create_task(self._live(alone, again))

    async def _end(self, state: str) -> None:
        had_process = self.process is not None
        if self._life:
            self._life.cancel()
            await asyncio.wait([self._life])
            self._life = None
        if had_process:
            self._set(STOPPING if state == STOPPED else state)
            self._say("stopping", "stopping")
            await self._end_process()
        if not self._fixed:
            had_life = self.active
            self._set(state)
            if had_life and state == STOPPED:
                self._say("stopped", "stopped")

    async def _live(self, alone: bool, again: bool) -> None:
        try:
            if not alone:
                await self._wait_for_others(again)
            await self._run()
        except (FugeError, OSError) as problem:
            self.failure = NoEngineError if isinstance(problem, NoEngineError) else NotReadyError
            self._fail(str(problem))

    async def _wait_for_others(self, again: bool) -> None:
        for name, condition in self.service.depends_on.items():
            self.reason = f"for {name} to be {condition}"
            try:
                await self._others(name).reaches(condition)
            except (NotReadyError, NoEngineError):
                if not again:
                    raise
        if self.service.delay_start and not again:
            self.reason = f"{self.service.delay_start:g} s, its delay_start"
            await asyncio.sleep(self.service.delay_start)

    async def _run(self) -> None:
        """Run its process, again and again if its restart policy says so."""
        backoff = Backoff(self.service)
        if self.service.type == "container":
            await self._choose_engine()
        while True:
            if self.choice is None or self.choice.docker is None:  # Docker tells of other containers too
                check_ports(self.service)
            code, lasted = await self._run_once()
            if not backoff.wants_restart(code):
                break
            delay = backoff.delay(lasted)
            if delay is None:
                self._fail(f"gave up after {self.service.max_restarts} restarts; the last time it {end(code)}")
                return
            self._set(RESTARTING, f"{end(code)}; starts again in {delay:g} s")
            self._say("restarting", f"starts again in {delay:g} s", delay=delay, restart=self.restarts + 1)
            await asyncio.sleep(delay)
            self.restarts += 1
        if code == 0:
            self._set(FINISHED, "exit code 0")
        else:
            self._fail(end(code), "it is not started again, since its restart is never")

    async def _run_once(self) -> tuple[int, float]:
        """From the start of the process to its end, and that of all it has started.

        Returns its exit code, and how many seconds it ran itself.
        """
        program = self.program()
        in_docker = self.choice is not None and self.choice.kind == "docker"
        self.probe = probe_of(self.service, program, self._launcher, in_docker)
        self.began = time.monotonic()
        self._set(STARTING)
        process = self.process = await self._start_backend(program)
        self._say("starting", "starting", pid=process.pid, how=process.how)
        began = time.monotonic()
        probing = asyncio.create_task(self._until_ready(self.probe))
        try:
            self.exit_code = code = await asyncio.shield(process.ended)
            lasted = time.monotonic() - began
            await process.wait()
        except NoEngineError:  # it is gone, and with it perhaps the container, or not
            await self._end_process()
            raise
        finally:
            probing.cancel()
        self._say("exited", end(code), code=code)
        await self._end_process()
        return code, lasted

    async def _start_backend(self, program: Program) -> Backend:
        if self.choice is None:
            return await Process.start(self._launcher, program, self._hear)
        return await self._containers.start(self.service, self.choice, self._environment(self.service), self._hear)

    async def _choose_engine(self) -> None:
        """Find what runs its image, once for all restarts: these must not end up with other data."""
        self._set(WAITING, "for an engine to run its image")
        self.choice = await self._containers.choose(self.service, self._pulling)
        self._say("engine", f"by {self.choice}", kind=self.choice.kind)

    def _pulling(self, text: str) -> None:
        self.reason = text
        self._say("pulling", text)

    async def _until_ready(self, probe: Probe) -> None:
        while True:
            try:
                await probe.wait()
                break
            except NotReadyError as problem:
                self._set(NOT_READY, str(problem))
                self._say("not ready", str(problem))
        self._set(RUNNING)
        self._say("ready", f"ready at {', '.join(addresses(self.service))}" if self.service.ports else "ready")

    async def _end_process(self) -> None:
        """Stop the process with all it has started; called twice at once, both callers wait for the same end."""
        if self.process is None:
            return
        if self._ending is None:
            grace = 0 if self._impatient else self.service.grace_period
            stop = self.process.stop(self.service.terminate, grace)
            self._ending = asyncio.create_task(stop)
        ending = self._ending
        if not await asyncio.shield(ending) or self._impatient:
            patience = "" if self._impatient else f": it did not end within {self.service.grace_period:g} s"
            self._say("killed", f"killed{patience}")
        if self._ending is ending:
            self._ending = self.process = None

    # Helpers ----------------------------------------------------------------------------------------------------

    def program(self) -> Program:
        return program_of(self.service, self.debug, self._environment(self.service), self._containers.folder)

    def _hear(self, stream: str, lines: list[str]) -> None:
        self.recent.extend(lines)
        self._bus.records(self.service.name, stream, self.process.pid if self.process else 0, lines)
        if self.probe:
            self.probe.hear(lines)

    def _set(self, state: str, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self.ready_since = time.monotonic() if state == RUNNING else None
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self._tell()

    def _fail(self, reason: str, said: str = "") -> None:
        self._set(FAILED, reason)
        self._say("failed", said or reason)

    def _say(self, event: str, text: str, **details: Any) -> None:
        self._bus.event(event, self.service.name, text, **details)
