"""Whom to ask: the server of DNS_HOST, or those of the system."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

import dns.asyncbackend
import dns.asyncresolver
import dns.inet
import dns.name
import dns.nameserver
import dns.resolver

from concordant import naming
from concordant.errors import NobodyAnswered, NotConfigured, ServerNotFound
from concordant.settings import Settings

RESOLV_CONF = "/etc/resolv.conf"
RETRY = 1.0  # seconds until the server of DNS_HOST, which is near, is asked once more


@dataclass(frozen=True, slots=True)
class Servers:
    """Who answers; `text` says it in errors, `advice` what to do when nobody does."""

    resolver: dns.asyncresolver.Resolver
    text: str
    advice: str
    complete: str = "."  # a name that ends so needs no search list, and one that ends with a dot

    def candidates(self, name: str) -> list[dns.name.Name]:
        """The names that one may stand for, by the search list; it comes first itself if it has dots enough."""
        absolute = dns.name.from_text(name)
        if name.lower().endswith((".", self.complete)):
            return [absolute]
        domain = self.resolver.domain
        places = self.resolver.search or ([domain] if domain != dns.name.root else [])
        searched = [found for place in places if (found := joined(name, place))]
        ndots = 1 if self.resolver.ndots is None else self.resolver.ndots
        return [absolute, *searched] if name.count(".") >= ndots else [*searched, absolute]


def joined(name: str, place: dns.name.Name) -> dns.name.Name | None:
    """None if it gets too long to exist."""
    try:
        return dns.name.from_text(name, place)
    except dns.name.NameTooLong:
        return None


async def find(settings: Settings, seconds: float) -> Servers:
    """Raises NotConfigured, ServerNotFound or NobodyAnswered."""
    return await direct(settings, seconds) if settings.host else system()


async def direct(settings: Settings, seconds: float) -> Servers:
    """The one server of DNS_HOST. Names are searched where a pod of DNS_NAMESPACE would."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    addresses = await addresses_of(settings.host, seconds)
    resolver.nameservers = [dns.nameserver.Do53Nameserver(address, settings.port) for address in addresses]
    resolver.timeout = RETRY
    resolver.domain = dns.name.root  # not that of this machine
    resolver.search = [dns.name.from_text(each) for each in naming.search_list(settings.namespace, settings.suffix)]
    resolver.ndots = 5  # as in a pod
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    advice = "start the DNS server there, correct DNS_HOST and DNS_PORT, or unset DNS_HOST for the system's resolver"
    return Servers(resolver, f"{host}:{settings.port} (DNS_HOST)", advice, f".{settings.suffix.lower()}")


def system(path: str = RESOLV_CONF) -> Servers:
    """Those of resolv.conf, read anew each time, with its search list; on Windows those of its registry."""
    try:
        resolver = dns.asyncresolver.Resolver(path)
    except dns.resolver.NoResolverConfiguration as error:
        advice = "add `nameserver ADDRESS`, or set DNS_HOST"
        raise NotConfigured(f"expected a nameserver in {path}, found none ({error}): {advice}") from None
    except ValueError as error:
        raise NotConfigured(f"expected addresses of nameservers in {path}, found others ({error}): correct") from None
    if not resolver.nameservers:
        raise NotConfigured("expected a nameserver among the system's settings, found none: set DNS_HOST")
    advice = f"check the network and {path}, or set DNS_HOST"
    return Servers(resolver, f"{', '.join(map(str, resolver.nameservers))} ({path})", advice)


async def addresses_of(host: str, seconds: float) -> list[str]:
    """Those of DNS_HOST, which may be a name that this machine knows."""
    if dns.inet.is_address(host):
        return [host]
    asking = asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    try:
        async with asyncio.timeout(seconds):
            found = await asking
    except TimeoutError:
        text = f"expected this machine to know the address of {host!r} (DNS_HOST), found none within {seconds:g} s"
        raise NobodyAnswered(f"{text}: set DNS_HOST to an address") from None
    except (OSError, UnicodeError) as error:
        text = f"expected DNS_HOST to be an address, or a host name that this machine knows, found {host!r}"
        raise ServerNotFound(f"{text} ({getattr(error, 'strerror', None) or error}): correct it") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Connected(dns.asyncbackend.Backend):  # type: ignore[name-defined, misc]
    """UDP from connected sockets, so that a port where nobody listens is noticed at once."""

    def __init__(self) -> None:
        self._asyncio = dns.asyncbackend.get_backend("asyncio")

    def datagram_connection_required(self) -> bool:
        return True

    async def make_socket(self, *arguments: Any, **named: Any) -> Any:
        return await self._asyncio.make_socket(*arguments, **named)

    async def sleep(self, interval: float) -> None:
        await asyncio.sleep(interval)
