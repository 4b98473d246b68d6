"""What the environment says about whom to ask and how."""

from collections.abc import Mapping
from dataclasses import dataclass

from concordant import naming
from concordant.errors import NotConfigured

PORT = 53053
MODES = ("SRV", "A")


@dataclass(frozen=True, slots=True)
class Settings:
    """DNS_HOST (empty: the system's resolver), DNS_PORT, DNS_MODE, DNS_NAMESPACE and DNS_SUFFIX."""

    host: str
    port: int
    mode: str
    namespace: str
    suffix: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises NotConfigured if a variable is not as it must be."""
        namespace, suffix = naming.namespace_and_suffix(None, None, environment)
        host = environment.get("DNS_HOST", "").strip()
        port = port_of("DNS_PORT", environment, f"it for {PORT}") if host else None
        return cls(host, port or PORT, mode_of(environment.get("DNS_MODE", "").strip()), namespace, suffix)


def service_port(name: str, environment: Mapping[str, str]) -> int | None:
    """What the environment says of a port's number, for a DNS that tells none (Kubernetes, service variables).

    Raises NotConfigured.
    """
    variable = naming.port_variable(name)
    return port_of(variable, environment, "it, and give the port") if variable else None


def port_of(variable: str, environment: Mapping[str, str], without: str) -> int | None:
    """None if it is not set, or empty; `without` says what to unset it for."""
    text = environment.get(variable, "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise NotConfigured(f"{variable}: expected a port from 1 to 65535, found {text!r}: correct it, or unset {without}")


def mode_of(text: str) -> str:
    mode = text.upper() or MODES[0]
    if mode in MODES:
        return mode
    raise NotConfigured(f"DNS_MODE: expected SRV or A, found {text!r}: correct it, or unset it for SRV")
