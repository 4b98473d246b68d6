"""fuge's side of a keeper: asks it to start programs, and learns from it when they have ended."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuge.errors import FugeError
from fuge.services.keeper_channel import Channel

KEEPER = Path(__file__).with_name("keeper") / "keeper.py"
READY = 20  # seconds that a keeper may take for its imports
TITLE_ROOM = "-" * 500  # in a warm keeper's command line: a script's own is written over it


class Refused(FugeError):
    """A keeper does not start a program, such as a warm one whose imports are out of date; the text says why."""


@dataclass(frozen=True)
class Child:
    """A started program, the first of a process group (and session) of its own.

    `ended` gets its exit code; a negative one is the number of the signal that ended it.
    """

    pid: int
    ended: asyncio.Future[int]


class Spawner:
    """One keeper. `unsafe` says why a warm one is not to be used, or is empty; `modules` are those it has loaded."""

    def __init__(self, channel: Channel, process: "subprocess.Popen[bytes]") -> None:
        self.pid = 0
        self.unsafe = ""
        self.modules: frozenset[str] = frozenset()
        self.alive = True
        self._closing = False
        self._process = process
        self._channel = channel
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[Child]] = {}
        self._children: dict[int, Child] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, modules: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> "Spawner":
        """A keeper that answers. With `modules` a warm one, with the environment that its services will have."""
        ours, theirs = socket.socketpair()
        flags = [] if modules else ["-E", "-s", "-S"]
        arguments = [str(theirs.fileno()), ",".join(modules), *([TITLE_ROOM] if modules else [])]
        reader, output = os.pipe()  # of no use but to be a pipe, as the output of services is: Python looks at that
        try:
            process = subprocess.Popen(  # noqa: ASYNC220  (it returns at once)
                [sys.executable, *flags, str(KEEPER), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(reader)
            os.close(output)
        keeper = cls(Channel(ours), process)
        try:
            async with asyncio.timeout(READY):
                await keeper._ready
        except (TimeoutError, Refused) as problem:
            keeper.unsafe = str(problem) or f"its imports take more than {READY} s"
        except BaseException:
            await keeper.close()
            raise
        return keeper

    async def spawn(
        self, argv: Sequence[str], cwd: Path, environment: Mapping[str, str], files: tuple[int, int], script: bool
    ) -> Child:
        """Start a program; `files` are its standard output and error, to be closed by the caller afterwards.

        `script` has a warm keeper run argv[1] by a fork of its own interpreter; `environment` is then what it has
        besides that of the keeper. Raises Refused.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may ask for it any more
        self._answers[number] = answer
        words = {"argv": [as_bytes(word) for word in argv], "cwd": as_bytes(str(cwd))}
        variables = {as_bytes(name): as_bytes(value) for name, value in environment.items()}
        request = {"id": number, "script": script, "env": variables, **words}
        try:
            if not self.alive:
                raise Refused("the keeper has ended")
            await self._channel.send(request, files)
            return await answer
        except OSError as error:
            raise Refused(f"the keeper has ended: {error.strerror}") from None
        except asyncio.CancelledError:  # the request has been sent all the same
            if answer.done() and not answer.cancelled() and not answer.exception():
                kill_group(answer.result().pid, signal.SIGKILL)
            raise
        finally:
            del self._answers[number]
            if self._closing:
                self.close_when_idle()

    async def close(self) -> None:
        """End the keeper, and with it whatever it has started."""
        self._end()
        await asyncio.wait([self._listener])

    def close_when_idle(self) -> None:
        """End the keeper as soon as none of its children runs."""
        self._closing = True
        if not self._children and not self._answers:
            self._end()

    def _end(self) -> None:
        if self.alive:
            self._channel.end()

    async def _listen(self) -> None:
        try:
            async for message in self._channel.messages():
                self._take(message)
        finally:
            self._has_ended()
        while self._process.poll() is None:  # noqa: ASYNC110  (it has closed the channel, so it is about to end)
            await asyncio.sleep(0.001)

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.pid, self.unsafe, self.modules = message["pid"], message["unsafe"], frozenset(message["modules"])
            if not self._ready.done():
                self._ready.set_result(None)
        elif "refused" in message:
            answer = self._answers.get(message["id"])
            if answer and not answer.done():
                answer.set_exception(Refused(message["refused"]))
        elif "status" in message:
            if message["pid"] not in self._children:  # killed before it could tell its pid
                self._has_started(message)
            self._children.pop(message["pid"]).ended.set_result(message["status"])
            if self._closing:
                self.close_when_idle()
        else:
            self._has_started(message)

    def _has_started(self, message: dict[str, Any]) -> None:
        child = Child(message["pid"], asyncio.get_running_loop().create_future())
        self._children[child.pid] = child
        answer = self._answers.get(message["id"])
        if answer and not answer.done():
            answer.set_result(child)
        else:  # whoever asked has gone
            kill_group(child.pid, signal.SIGKILL)

    def _has_ended(self) -> None:
        """The keeper is gone, so its services are ended too."""
        self.alive = False
        self._channel.close()
        if not self._ready.done():
            self._ready.set_exception(Refused("the keeper ended during its imports"))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Refused("the keeper has ended"))
        for child in self._children.values():
            kill_group(child.pid, signal.SIGKILL)
            child.ended.set_result(-signal.SIGKILL)
        self._children.clear()


def as_bytes(text: str) -> str:
    """The bytes that the system knows a text by, each as a character, as JSON needs it."""
    return os.fsencode(text).decode("latin-1")


def kill_group(leader: int, number: int) -> bool:
    """Send a signal to a process group; 0 only looks. Says whether anybody of it is left to get it."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of which only zombies are left
        return sys.platform != "darwin"
    return True
