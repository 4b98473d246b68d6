"""Where a service can be reached."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a service.

    `host`: an IPv4 or IPv6 address, without brackets.
    `port`: None if DNS told none and the caller had none.
    `priority`: the lowest is to be tried first; `weight`: the share of calls among those of one priority.
    `ttl`: for how many seconds it may be kept before DNS is asked again.
    `target`: the name that stands for the address in DNS.
    """

    host: str
    port: int | None = None
    priority: int = 0
    weight: int = 0
    ttl: int = 0
    target: str = field(default="", compare=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"
