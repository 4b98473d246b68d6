"""What all adapters have in common."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from mu.errors import TransportError, from_wire
from mu.transport import Batch, Client, Packet, Request

Deliver = Callable[[Client, Request], Awaitable[Any]]


class Adapter(Client):
    """A client made of others. A subclass says in `around` what it does about a delivery, with an answer or without."""

    def __init__(self, clients: Sequence[Client]) -> None:
        for client in clients:
            if not isinstance(client, Client):
                raise ValueError(f"expected a client such as tcp.client(port=8080), found {client!r}")
        self._parts = list(clients)

    @abstractmethod
    async def around(self, request: Request, deliver: Deliver) -> Any:
        """Call `deliver(client, request)` as it sees fit, and return what that returns."""

    def request(self, request: Request) -> Coroutine[Any, Any, Packet]:
        return self.around(request, ask)

    def send(self, request: Request) -> Coroutine[Any, Any, Packet | None]:
        return self.around(request, tell)

    async def start(self) -> None:
        for part in self._parts:
            await part.start()

    async def close(self) -> None:
        """All parts are closed, even if one fails at it."""
        results = await asyncio.gather(*(part.close() for part in self._parts), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    @property
    def available(self) -> bool:
        return any(part.available for part in self._parts)

    @property
    def parts(self) -> list[Client]:
        return list(self._parts)

    @property
    def label(self) -> str:
        return f"{self._name} ({', '.join(part.label for part in self._parts)})"

    @property
    def _name(self) -> str:
        """Of this adapter alone, without its state."""
        return str(self)


class WholeAdapter(Adapter):
    """One that looks at no packet, so that a batch is a request like any other to it."""

    def send_all(self, batch: Batch) -> Coroutine[Any, Any, None]:
        return self.around(batch, tell_all)


async def tell_all(client: Client, batch: Any) -> None:
    await client.send_all(batch)


async def ask(client: Client, request: Request) -> Packet:
    """The answer. A transport error that the other side reports in place of one is raised, like those of this side."""
    return without_transport_error(request, await client.request(request))


def without_transport_error(request: Request, answer: Packet) -> Packet:
    err = answer.get("err")
    if err is not None and isinstance(error := from_wire(err), TransportError):
        request.sent = error.sent
        raise error
    return answer


async def tell(client: Client, request: Request) -> Packet | None:
    """The answer, where there is one."""
    answer = await client.send(request)
    return answer and without_transport_error(request, answer)
