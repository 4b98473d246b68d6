"""What is to be had at most, with frames and a fast JSON alone: python limit.py server|client asyncio|uvloop PORT

No patterns, no packets, no deadlines, no errors, no check of anything.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import load
import msgspec

write, read = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
SIZES = [bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7]) for size in range(1 << 14)]


class Frames(asyncio.Protocol):
    """Reads frames; those that are written in one turn of the loop leave together."""

    def __init__(self) -> None:
        self.rest = b""
        self.waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.loop = asyncio.get_running_loop()

    def frames(self, data: bytes) -> Iterator[Any]:
        data = self.rest + data
        at, end = 0, len(data)
        while end - at > 1:
            size, start = data[at], at + 1
            if size > 127:
                size, start = size & 127 | data[start] << 7, at + 2
            if start + size > end:
                break
            at = start + size
            yield read(data[start:at])
        self.rest = data[at:]

    def write(self, value: Any) -> None:
        if not self.waiting:
            self.loop.call_soon(self.flush)
        body = write(value)
        self.waiting += SIZES[len(body)], body

    def flush(self) -> None:
        self.transport.write(b"".join(self.waiting))
        self.waiting.clear()


class Server(Frames):
    def data_received(self, data: bytes) -> None:
        answers = self.waiting
        for asked in self.frames(data):
            body = write({"id": asked["id"], "response": asked["first"] + asked["second"]})
            answers += SIZES[len(body)], body
        self.flush()


class Client(Frames):
    def __init__(self) -> None:
        super().__init__()
        self.pending: dict[int, asyncio.Future[int]] = {}

    def data_received(self, data: bytes) -> None:
        for answer in self.frames(data):
            self.pending.pop(answer["id"]).set_result(answer["response"])

    def add(self, number: int) -> "asyncio.Future[int]":
        future = self.pending[number] = self.loop.create_future()
        self.write({"id": number, "role": "basic", "cmd": "add", "first": number, "second": 1})
        return future


async def server(port: int) -> None:
    async with await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port) as listening:
        print("ready", flush=True)
        await listening.serve_forever()


async def client(port: int) -> None:
    _, protocol = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    await load.obey(protocol.add)


if __name__ == "__main__":
    _, half, loop, port, *_ = sys.argv
    load.run({"server": server, "client": client}[half](int(port)), loop)
