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
        port = port_of(environment.get("DNS_PORT", "").strip()) if host else PORT
        return cls(host, port, mode_of(environment.get("DNS_MODE", "").strip()), namespace, suffix)


def port_of(text: str) -> int:
    if not text:
        return PORT
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise NotConfigured(
        f"DNS_PORT: expected a port from 1 to 65535, found {text!r}: correct it, or unset it for {PORT}"
    )


def mode_of(text: str) -> str:
    mode = text.upper() or MODES[0]
    if mode in MODES:
        return mode
    raise NotConfigured(f"DNS_MODE: expected SRV or A, found {text!r}: correct it, or unset it for SRV")
