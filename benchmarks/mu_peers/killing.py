"""Adders as processes that are killed and started again, or stand still for a while."""

import asyncio
import itertools
import subprocess
import sys
from pathlib import Path

import psutil

PROGRAM = Path(__file__).with_name("ours.py")


class Adder:
    """A process that serves mu's adder at a port."""

    def __init__(self, port: int, loop: str) -> None:
        self.port, self._loop = port, loop
        self.kills = self.freezes = 0
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(PROGRAM), "server", self._loop, "1", str(self.port)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    async def ready(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if self._process.poll() is not None:
                    raise RuntimeError(f"the adder at port {self.port} ended: run {PROGRAM.name} to see why") from None
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return

    def kill(self) -> None:
        """At once, with whatever it is at (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.kills += 1
        self._process = self._start()

    async def freeze(self, seconds: float) -> None:
        """It stays connected, and does nothing."""
        process = psutil.Process(self._process.pid)
        process.suspend()
        self.freezes += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            process.resume()


async def keep_striking(adders: list[Adder], every: float) -> None:
    """Kill them in turn; of five blows, one hits all of them, and one freezes. Until cancelled."""
    for blow in itertools.count():
        await asyncio.sleep(every)
        hit = adders[blow % len(adders)]
        if blow % 5 == 3:
            await hit.freeze(0.8 * every)
        else:
            for adder in adders if blow % 5 == 2 else [hit]:
                adder.restart()
