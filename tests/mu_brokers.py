"""Real servers that hold queues, for tests to start, kill and start again with what they had on disk."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from confluent_kafka import Producer
from helpers import needed
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
        place = f"--port {self.port} --bind 127.0.0.1 --loglevel warning"
        fixed = f"{place} --save --appendonly yes --appendfsync always --dir"
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


class RabbitBroker:
    """Debian's rabbitmq-server as a node of its own: ports, data, logs and the cookie in its folder."""

    def __init__(self, folder: Path) -> None:
        needed(shutil.which("rabbitmq-server"), "rabbitmq-server")
        self.port, self._distribution, self._names = ports.free(3)
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    async def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        (self._folder / "plugins").write_text("[].")
        environment = {
            **os.environ,
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": f"mu{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "none"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._names),  # of the register of names, which Erlang would leave running
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        for words in (["epmd"], ["/usr/lib/rabbitmq/bin/rabbitmq-server"]):
            self._processes.append(
                await asyncio.to_thread(
                    subprocess.Popen,
                    words,
                    env=environment,
                    start_new_session=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            await until(lambda port=environment["ERL_EPMD_PORT"]: answers(int(port)), seconds=30)
        await until(lambda: answers(self.port), seconds=60)

    def freeze(self, frozen: bool) -> None:
        for process in self._processes:
            os.killpg(process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def kill(self) -> None:
        while self._processes:
            process = self._processes.pop()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)

    async def restart(self) -> None:
        await asyncio.to_thread(self.kill)
        await self.start()


class MockKafka:
    """librdkafka's mock cluster, in this process: it speaks Kafka's protocol, and keeps nothing on a disk."""

    def __init__(self) -> None:
        self._producer: Producer | None = Producer(
            {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0}
        )
        self.port = next(iter(self._producer.list_topics(timeout=30).brokers.values())).port

    def end(self) -> None:
        """For ever."""
        self._producer = None


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
