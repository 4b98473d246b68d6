"""mu's server, asked by a client that does next to nothing, so that the server has all it can do.

python bare.py server|client asyncio|uvloop POOL PORT
"""

import asyncio
import itertools
import sys
import time

import limit
import load
import ours


class Client(limit.Client):
    """Writes whole packets of mu, and looks at no more than the result."""

    def data_received(self, data: bytes) -> None:
        for packet in self.frames(data):
            self.pending.pop(int(packet["protocol"]["path"][0])).set_result(packet["response"])

    def add(self, number: int) -> "asyncio.Future[int]":
        future = self.pending[number] = self.loop.create_future()
        protocol = {
            "path": [str(number), "8b1c5d7e-0f3a-4d57-9b52-6a3f3c9d2e41"],
            "trace": [str(number), "8b1c5d7e-0f3a-4d57-9b52-6a3f3c9d2e41"],
            "ttl": 10,
            "deadline": int(time.time() * 1000) + 10_000,
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "dst": "target",
            "src": "8b1c5d7e-0f3a-4d57-9b52-6a3f3c9d2e41",
        }
        pattern = {"role": "basic", "cmd": "add", "first": number, "second": 1}
        self.write({"pattern": pattern, "protocol": protocol})
        return future


async def client(port: int, pool: int) -> None:
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(Client, "127.0.0.1", port))[1] for _ in range(pool)]
    turns = itertools.cycle(connections)
    await load.obey(lambda number: next(turns).add(number))


if __name__ == "__main__":
    _, half, loop, pool, port, *_ = sys.argv
    load.run(ours.server(int(port)) if half == "server" else client(int(port), int(pool)), loop)
