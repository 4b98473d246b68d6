"""What an instance goes through from a start to its end: it waits for others, runs, crashes, and runs again."""

import asyncio
import math
import signal
import time
from typing import TYPE_CHECKING

from fuge.engine.backoff import Backoff
from fuge.engine.starting import Starter, check_ports
from fuge.engine.states import FAILED, FINISHED, NOT_READY, RESTARTING, RUNNING, STARTING, WAITING
from fuge.engine.wording import addresses, end
from fuge.errors import FugeError, NoEngineError, NotReadyError
from fuge.services.backend import Backend
from fuge.services.engines import Choice
from fuge.services.readiness import Probe

if TYPE_CHECKING:
    from fuge.engine.running import Running


class Life:
    """One life of an instance, with all restarts that its policy asks for. It changes the state of its `running`.

    `process` is what runs for it now, `choice` what was chosen to run its image.
    """

    def __init__(self, running: "Running", starter: Starter) -> None:
        self.process: Backend | None = None
        self.choice: Choice | None = None
        self.probe: Probe | None = None
        self.began = -math.inf  # time.monotonic() of its last start
        self.restarts = 0
        self.exit_code: int | None = None
        self.failure: type[FugeError] = NotReadyError  # what it is for who waits for it
        self._running, self._service, self._starter = running, running.service, starter
        self._task: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[bool] | None = None
        self._killing: asyncio.Task[bool] | None = None
        self._impatient = False

    @property
    def goes_on(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, alone: bool, again: bool) -> None:
        """`alone`: without waiting for others; `again`: starts even if others are not as it needs them."""
        self._task = asyncio.create_task(self._live(alone, again))

    async def give_up(self) -> None:
        """Nothing is started any more; what runs, runs on."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def kill(self) -> None:
        """Make a stop that is under way, or comes next, end at once."""
        self._impatient = True
        if self.process:
            self._killing = asyncio.create_task(self.process.stop(signal.SIGKILL, 0))

    async def stop_process(self) -> None:
        """With all that it has started. Called twice at once, both callers wait for the same end."""
        if self.process is None:
            return
        if self._stopping is None:
            grace = 0 if self._impatient else self._service.grace_period
            self._stopping = asyncio.create_task(self.process.stop(self._service.terminate, grace))
        stopping = self._stopping
        if not await asyncio.shield(stopping) or self._impatient:
            patience = "" if self._impatient else f": it did not end within {self._service.grace_period:g} s"
            self._running.say("killed", f"killed{patience}")
        if self._stopping is stopping:
            self._stopping = self.process = None

    # Its stages -----------------------------------------------------------------------------------------------

    async def _live(self, alone: bool, again: bool) -> None:
        try:
            if not alone:
                await self._wait_for_others(again)
            await self._choose_engine()
            await self._run()
        except (FugeError, OSError) as problem:
            self.failure = NoEngineError if isinstance(problem, NoEngineError) else NotReadyError
            self._fail(str(problem))

    async def _wait_for_others(self, again: bool) -> None:
        for name, condition in self._service.depends_on.items():
            self._running.reason = f"for {name} to be {condition}"
            try:
                await self._running.other(name).reaches(condition)
            except (NotReadyError, NoEngineError):
                if not again:
                    raise
        if self._service.delay_start and not again:
            self._running.reason = f"{self._service.delay_start:g} s, its delay_start"
            await asyncio.sleep(self._service.delay_start)

    async def _choose_engine(self) -> None:
        """Find what runs its image, once for all restarts: these must not end up with other data."""
        if self._service.type == "container":
            self._running.become(WAITING, "for an engine to run its image")
            self.choice = await self._starter.choose(self._service, self._pulling)
            self._running.say("engine", f"by {self.choice}", kind=self.choice.kind)

    async def _run(self) -> None:
        """Run its process, again and again if its restart policy says so."""
        backoff = Backoff(self._service)
        while True:
            check_ports(self._service, self.choice)
            code, lasted = await self._run_once()
            if not backoff.wants_restart(code):
                break
            delay = backoff.delay(lasted)
            if delay is None:
                self._fail(f"gave up after {self._service.max_restarts} restarts; the last time it {end(code)}")
                return
            self._running.become(RESTARTING, f"{end(code)}; starts again in {delay:g} s")
            text = f"starts again in {delay:g} s"
            self._running.say("restarting", text, delay=delay, restart=self.restarts + 1)
            await asyncio.sleep(delay)
            self.restarts += 1
        if code == 0:
            self._running.become(FINISHED, "exit code 0")
        else:
            self._fail(end(code), "it is not started again, since its restart is never")

    async def _run_once(self) -> tuple[int, float]:
        """From the start of the process to its end, and that of all it has started.

        Returns its exit code, and how many seconds it ran itself.
        """
        program = self._running.program()
        self.probe = self._starter.probe(self._service, program, self.choice)
        self.began = time.monotonic()
        self._running.become(STARTING)
        process = self.process = await self._starter.start(self._service, program, self.choice, self._hear)
        self._running.say("starting", "starting", pid=process.pid, how=process.how)
        began = time.monotonic()
        probing = asyncio.create_task(self._until_ready(self.probe))
        try:
            self.exit_code = code = await asyncio.shield(process.ended)
            lasted = time.monotonic() - began
            await process.wait()
        except NoEngineError:  # it is gone, and with it perhaps the container, or not
            await self.stop_process()
            raise
        finally:
            probing.cancel()
        self._running.say("exited", end(code), code=code)
        await self.stop_process()
        return code, lasted

    async def _until_ready(self, probe: Probe) -> None:
        while True:
            try:
                await probe.wait()
                break
            except NotReadyError as problem:
                self._running.become(NOT_READY, str(problem))
                self._running.say("not ready", str(problem))
        self._running.become(RUNNING)
        where = f" at {', '.join(addresses(self._service))}" if self._service.ports else ""
        self._running.say("ready", f"ready{where}")

    # What it hears --------------------------------------------------------------------------------------------

    def _hear(self, stream: str, lines: list[str]) -> None:
        self._running.hear(stream, self.process.pid if self.process else 0, lines)
        if self.probe:
            self.probe.hear(lines)

    def _pulling(self, text: str) -> None:
        self._running.reason = text
        self._running.say("pulling", text)

    def _fail(self, reason: str, said: str = "") -> None:
        self._running.become(FAILED, reason)
        self._running.say("failed", said or reason)
