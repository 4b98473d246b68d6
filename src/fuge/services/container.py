"""A container that runs, with the verbs of a process: its start, its end, and nothing left of it."""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fuge.errors import FugeError, NoEngineError
from fuge.plan.system import Service
from fuge.services import container_making
from fuge.services.container_output import Output
from fuge.services.container_settings import Settings, described
from fuge.services.docker_engine import DockerEngine, Owner, remove
from fuge.services.docker_sdk import Refusal
from fuge.services.process import Listener
from fuge.services.threads import in_loop

PATIENCE = 5  # seconds for the engine to pass on a signal, and for a killed container to end
REMOVAL = 30  # seconds; a slow disk may need them
ABSENCE, PAUSE = 5, 0.1  # seconds for an engine to come back, and between two looks
KILLED = 128  # to the number of the signal that ended a container, as shells do
NO_COMMAND, INIT_SAYS = 127, "[FATAL tini "  # when the first process, which is the engine's, cannot start ours
SIGNALS = {int(number) for number in signal.Signals}


class Container:
    """Made by `start`. `ended` gets the exit code (negative: the signal that ended it), or NoEngineError.

    `pid` is that of its first process on this machine, 0 if it cannot be seen from here.
    """

    def __init__(self, engine: DockerEngine, service: Service, owner: Owner, listener: Listener) -> None:
        self.id = self.how = ""
        self.pid = 0
        self.started = time.time()
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._engine, self._service, self._owner = engine, service, owner
        self._output = Output(listener)
        self._unwanted = threading.Event()
        self._stopped: bool | None = None  # once it is: what `stop` has returned

    @classmethod
    async def start(
        cls,
        engine: DockerEngine,
        service: Service,
        environment: Mapping[str, str],
        owner: Owner,
        listener: Listener,
    ) -> "Container":
        """Make and start a container of the service's image, which must be there.

        Raises NotReadyError if it cannot be started, such as for a port that is taken, and NoEngineError if the
        engine is gone or has no such image. Nothing is left of it then.
        """
        container = cls(engine, service, owner, listener)
        starting = asyncio.create_task(
            engine.call(lambda api: container._begin(api, described(service, environment, owner)))
        )
        try:
            await asyncio.shield(starting)
        except BaseException as error:
            container._unwanted.set()
            await asyncio.wait([starting], timeout=PATIENCE)  # when cancelled, it removes what it has made
            if not starting.done():
                starting.cancel()
            elif not starting.exception():
                await container.stop(signal.SIGKILL, 0)
            if isinstance(error, Refusal):
                raise await container_making.explained(engine, service, error) from None
            raise
        return container

    async def wait(self) -> int:
        """The exit code, once the container has ended and its last lines have been passed on."""
        return await asyncio.shield(self.ended)

    async def stop(self, number: int, grace: float) -> bool:
        """Send a signal to its first process, kill it after `grace` seconds, and remove it unless it is to be kept.

        Says whether it ended by itself.
        """
        if self._stopped is None:
            self._stopped = await self._end(number, grace)
        return self._stopped

    # In threads -------------------------------------------------------------------------------------------------

    def _begin(self, api: Any, settings: Settings) -> None:
        self._engine.remove_lost(self._owner)
        old = container_making.kept(api, settings)
        again = old is not None and container_making.fits(api, old, settings)
        self.id = old["Id"] if old and again else container_making.create(api, settings, old)
        try:
            self._check()
            self._output.attach(api, self.id)  # before the start, so that no line is missed
            api.start(self.id)
            found = api.inspect_container(self.id)
            self._check()
        except BaseException:
            self._output.detach()
            if again:
                with contextlib.suppress(Exception):  # what has come first is to be known
                    api.stop(self.id, timeout=PATIENCE)
            else:
                self._owner.lost.add(self.id)
                self._engine.remove_lost(self._owner)
            raise
        name = found["Name"].removeprefix("/")
        if old and not again:
            name = container_making.replace(api, old["Id"], self.id, name, settings)
        self.how = f"container {name}" + (", kept from before" if again else "")
        self.pid = seen(found["State"]["Pid"], self.id)
        threading.Thread(target=self._follow, name=f"container {name}", daemon=True).start()

    def _follow(self) -> None:
        """Pass on its output and its end. An engine that is gone has some seconds to come back."""
        while True:
            try:
                self._engine.do(self._read)
                code = self._engine.do(self._wait)
                break
            except Refusal:  # it has been removed by somebody else
                code = KILLED + signal.SIGKILL
                break
            except NoEngineError as error:
                self._output.detach()
                if not self._engine_returns():
                    in_loop(self._loop, self._lose, error)
                    return
        self._output.detach()
        in_loop(self._loop, self._has_ended, code)

    def _engine_returns(self) -> bool:
        deadline = time.monotonic() + ABSENCE
        while time.monotonic() < deadline and not self._unwanted.wait(PAUSE):
            with contextlib.suppress(NoEngineError):
                return self._engine.do(lambda api: bool(api.ping()))
        return False

    def _read(self, api: Any) -> None:
        if not self._output.is_attached and api.inspect_container(self.id)["State"]["Running"]:
            self._output.attach(api, self.id)
        self._output.read()

    def _wait(self, api: Any) -> int:
        self._check()
        return int(api.wait(self.id)["StatusCode"])

    def _check(self) -> None:
        if self._unwanted.is_set():
            raise Refusal("it is not wanted any more")

    # In the loop ------------------------------------------------------------------------------------------------

    def _has_ended(self, code: int) -> None:
        if not self.ended.done():
            self._output.flush()
            if code == NO_COMMAND and self._output.last.startswith(INIT_SAYS):
                words = " ".join(self._service.args[:1]) or "of its own"
                self._output.pass_on("err", [f"the image {self._service.image} has no command {words}"])
            self.ended.set_result(KILLED - code if code - KILLED in SIGNALS else code)

    def _lose(self, error: FugeError) -> None:
        """The engine does not answer any more, so nobody knows what becomes of the container."""
        self._unwanted.set()
        if not self._service.keep:
            self._owner.lost.add(self.id)
        if not self.ended.done():
            self._output.flush()
            self.ended.set_exception(error)
            self.ended.exception()  # nobody needs to have waited for it
        self._output.interrupt()

    async def _end(self, number: int, grace: float) -> bool:
        by_itself = self.ended.done()
        try:
            if not by_itself:
                deadline = time.monotonic() + grace
                await self._signal(number)
                await asyncio.wait([self.ended], timeout=deadline - time.monotonic())
                by_itself = self.ended.done()
            if not by_itself:
                await self._signal(signal.SIGKILL)
                await asyncio.wait([self.ended], timeout=PATIENCE)
            if not self._service.keep:
                await self._engine.call(lambda api: remove(api, self.id), REMOVAL)
        except FugeError as error:
            self._lose(error)
            self._output.pass_on("err", [f"{error}; if {self.how} is still there, the next start removes it"])
        return by_itself

    async def _signal(self, number: int) -> None:
        """Send a signal to its first process. A container that is paused goes on first, since it cannot end."""
        name = signal.Signals(number).name
        try:
            await self._engine.call(lambda api: api.kill(self.id, name), PATIENCE)
        except Refusal as refusal:
            if "is paused" in str(refusal):
                await self._engine.call(lambda api: (api.unpause(self.id), api.kill(self.id, name)), PATIENCE)
            # else it has ended


def seen(pid: int, container: str) -> int:
    """The number of a container's first process if it is one of this machine, else 0."""
    with contextlib.suppress(OSError):
        if container in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii"):
            return pid
    return 0
