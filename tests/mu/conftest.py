"""Places to connect to: one where nobody listens, one that never answers, a Redis; and a certificate for TLS."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import needed
from mu_brokers import RedisBroker

from fuge import ports


@pytest.fixture
def free_port() -> int:
    return ports.free(1)[0]


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port whose queue of connections is full, so that the next attempt gets no answer at all."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for filler in fillers:
            filler.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of localhost, signed by itself, with its key in the same file."""
    needed(shutil.which("openssl"), "openssl")
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    subprocess.run([*make.split(), *names, "-keyout", file, "-out", file], check=True, capture_output=True)
    return file


@pytest.fixture
def redis_broker(tmp_path: Path) -> Iterator[RedisBroker]:
    broker = RedisBroker(tmp_path / "redis")
    try:
        asyncio.run(broker.start())
        yield broker
    finally:
        broker.kill()
