"""Many clients at once, good ones and bad ones: the engine serves on."""

import asyncio
import contextlib
import json
import random

import pytest
from fuge_project import Project

from fuge import Client, FugeError

CLIENTS = 24
FLOOD = """
import time
while True:
    for _ in range(500):
        print("x" * 200)
    time.sleep(0.01)
"""


@pytest.fixture
def busy(project: Project) -> Project:
    """Two services that answer, and one that talks without end."""
    project.script("flood", FLOOD)
    project.configure_with(project.server("one"), project.server("two"), project.process("flood", "tail: false"))
    project.up()
    return project


def raw(project: Project) -> str:
    card = json.loads((project.folder / ".fuge" / "engine.json").read_text(encoding="utf-8"))
    return str(card["socket"])


async def good(client: Client, chosen: random.Random) -> None:
    for _ in range(8):
        operation, arguments = chosen.choice(
            [
                ("ps", {"words": []}),
                ("info", {"name": "one"}),
                ("why", {"name": "two"}),
                ("env", {"name": "one"}),
                ("restart", {"words": ["one"]}),
                ("stop", {"words": ["two"]}),
                ("start", {"words": ["two"]}),
            ]
        )
        await client.call(operation, **arguments)


async def wrong(client: Client) -> None:
    for operation, arguments in (
        ("ps", {"name": "one"}),
        ("info", {"name": "nobody"}),
        ("start", {"words": ["nobody"]}),
        ("explode", {}),
        ("start", {"words": 42}),
        ("__class__", {}),
    ):
        with pytest.raises(FugeError):
            await client.call(operation, **arguments)


async def vanishing(path: str, line: bytes) -> None:
    """Sends something, and is gone before the answer."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()
    del reader


async def deaf(path: str) -> asyncio.StreamWriter:
    """Follows, and never reads."""
    _, writer = await asyncio.open_unix_connection(path, limit=1)
    writer.write(b'{"operation": "follow"}\n')
    await writer.drain()
    writer.transport.pause_reading()
    return writer


async def crowd(project: Project) -> None:
    client, path, chosen = Client(project.file), raw(project), random.Random(1)
    listener = await deaf(path)
    garbage = [
        b"",
        b"\n",
        b"{}\n",
        b"[1]\n",
        b'{"operation": 5}\n',
        b"\xff\xfe\n",
        b"x" * 2_000_000,
        b'{"operation": "ps"}',
    ]
    restart = b'{"operation": "restart", "arguments": {"words": ["one"]}}\n'
    jobs = [good(client, random.Random(number)) for number in range(CLIENTS // 2)]
    jobs += [wrong(client) for _ in range(4)]
    jobs += [vanishing(path, chosen.choice([*garbage, restart])) for _ in range(CLIENTS // 2 - 4)]
    async with asyncio.timeout(60):
        await asyncio.gather(*jobs)
    listener.transport.abort()


def test_a_crowd_cannot_wedge_the_engine(busy: Project) -> None:
    asyncio.run(crowd(busy))
    outcomes = busy.ok("start", "all").out
    assert "one: running" in outcomes
    assert "two: running" in outcomes
    assert {row["status"] for row in busy.ps().values()} == {"running"}
    assert len(busy.marked()) == 3
    busy.down()


def test_garbage_gets_an_answer_that_says_what_was_expected(busy: Project) -> None:
    async def ask(line: bytes) -> dict[str, object]:
        reader, writer = await asyncio.open_unix_connection(raw(busy))
        writer.write(line)
        answer = json.loads(await reader.readline())
        writer.close()
        return dict(answer)

    for line in (b"nonsense\n", b"{}\n", b"[]\n", b'{"operation": 5}\n', b"\xff\n"):
        assert "expected" in str(asyncio.run(ask(line))["error"])
    busy.down()
