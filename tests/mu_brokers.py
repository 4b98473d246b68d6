"""Real servers that hold queues, for tests to start, kill and start again with what they had on disk."""

import asyncio
import signal
import subprocess
from pathlib import Path

from mu_fakes import until
from real_servers import redis_reply, valkey_server

from fuge import ports


class RedisBroker:
    """Valkey with an append-only file, so that it knows after a kill what it knew before."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = ports.free(1)[0]
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        fixed = f"--port {self.port} --bind 127.0.0.1 --save --appendonly yes --loglevel warning --dir"
        words = [valkey_server(), *fixed.split(), str(self._folder), *self._options]
        words.insert(words.index("--save") + 1, "")
        self._process = await asyncio.to_thread(subprocess.Popen, words, stdout=subprocess.DEVNULL)
        await until(lambda: self.ask("PING"), seconds=30)

    def ask(self, *words: str) -> str | None:
        return redis_reply(self.port, *words)

    def length(self, key: str) -> int:
        return int(self.ask("LLEN", key) or 0)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(30)

    def freeze(self, frozen: bool) -> None:
        assert self._process
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    async def restart(self) -> None:
        await asyncio.to_thread(self.kill)
        await self.start()
