"""Finds by DNS where a service is, so that no address is in the code of those who use it."""

import os
from collections.abc import Coroutine
from functools import cached_property, partial
from typing import Any

import concordant
from concordant import ConcordantError
from mu.adapters.dns_client import DnsClient
from mu.adapters.dns_server import DnsServer
from mu.transport import Batch, Client, Packet, Receive, Request, Server


class Dns(Client, Server):
    """`dns(tcp, name="audit_service", port_name="_main")`: by tcp, to where DNS has the port `_main` of that service.

    The name asked for is `_main._tcp.audit-service.micro.svc.cluster.local`: `namespace` and `suffix` are DNS_NAMESPACE
    and DNS_SUFFIX unless given; without a namespace the resolver's search list completes the name. DNS is asked again
    when its answer's TTL is over, or each `interval` (DNS_LOOKUP_INTERVAL) seconds, and when an endpoint cannot be
    reached. `port` is for networks whose DNS tells addresses alone (DNS_MODE=A); without it, it is the one that
    AUDIT_SERVICE_SERVICE_PORT_MAIN says. Other options go to the transport.

    As outbound it sends to the endpoints by their priorities and weights. A call to an endpoint that has gone ends
    there; new ones take other ways. What DNS does not know fails with ConnectFailed, which says who was asked what.

    As inbound it lets in what comes by a queue that DNS knows (`dns(redis, name="redis", list="events")`), at the
    address that this had at the start: if the queue moves to another one later, start the program again. With tcp or
    http it listens at the address of the name: right for a service that is there once. One of several replicas can't
    learn from DNS which it is: give it its own port, `tcp.server(port=os.environ["AUDIT_SERVICE_SERVICE_PORT"])`.

    Raises ValueError, and ImportError if dnspython is missing.
    """

    def __init__(
        self,
        transport: Any,
        *,
        name: str,
        port_name: str = "_main",
        namespace: str | None = None,
        suffix: str | None = None,
        protocol: str = "_tcp",
        port: int | None = None,
        interval: float | None = None,
        **options: Any,
    ) -> None:
        if not (hasattr(transport, "client") and hasattr(transport, "server")):
            raise ValueError(f"expected a transport such as tcp, found {transport!r}")
        _ = concordant.resolve  # loads dnspython, so that it is missed here and not with the first message
        try:
            self._name = concordant.srv_name(name, port_name, protocol, namespace=namespace, suffix=suffix)
        except ConcordantError as error:
            raise ValueError(str(error)) from None
        self._transport, self._options, self._port = transport, options, port
        self._interval = seconds_between(interval)
        self._inbound: DnsServer | None = None

    # As outbound --------------------------------------------------------------------------------------------------

    @cached_property
    def _outbound(self) -> DnsClient:
        make = partial(self._transport.client, **self._options)
        try:
            make(host="localhost", port=1)
        except TypeError as error:  # an option that is wrong should be told now, and not by a lookup that fails
            raise ValueError(f"expected options of dns, or of a client of its transport: {error}") from None
        return DnsClient(self._name, self._port, self._interval, make)

    def request(self, request: Request) -> Coroutine[Any, Any, Packet]:
        return self._outbound.request(request)

    def send(self, request: Request) -> Coroutine[Any, Any, Packet | None]:
        return self._outbound.send(request)

    def send_all(self, batch: Batch) -> Coroutine[Any, Any, None]:
        return self._outbound.send_all(batch)

    @property
    def available(self) -> bool:
        return self._outbound.available

    @property
    def parts(self) -> list[Client]:
        return self._outbound.parts

    def stats(self) -> dict[str, float]:
        """Lookups since the beginning; endpoints that are known, and those that have gone but have yet to answer."""
        return self._outbound.stats()

    # As either ----------------------------------------------------------------------------------------------------

    async def start(self, receive: Receive | None = None) -> None:
        """`receive` makes it an inbound."""
        if receive is None:
            await self._outbound.start()
        else:
            self._inbound = DnsServer(self._name, self._port, partial(self._transport.server, **self._options))
            await self._inbound.start(receive)

    async def close(self, grace: float | None = None) -> None:
        """`grace` is that of an inbound."""
        if grace is None:
            await self._outbound.close()
        elif self._inbound:
            await self._inbound.close(grace)

    def __str__(self) -> str:
        return str(self._inbound or f"dns: {self._name}")


def seconds_between(given: float | None) -> float | None:
    """From the option or the environment; None leaves it to the TTL."""
    text = os.environ.get("DNS_LOOKUP_INTERVAL") if given is None else given
    if text in (None, ""):
        return None
    try:
        seconds = float(text)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"expected seconds above 0 as interval (DNS_LOOKUP_INTERVAL), found {text!r}")
    return seconds


dns = Dns
