"""Hosts and ports, and what can be wrong with them."""

import errno


def port_number(port: int | str) -> int:
    """Also from text, as an environment variable has it. Raises ValueError."""
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= 65535 or isinstance(port, float | bool):
        raise ValueError(f"expected a port from 0 to 65535, found {port!r}")
    return number


def cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"expected port {port} of {host} to be free, found it taken: end the program that has it"
    return f"cannot listen at {host}, port {port}: {error.strerror or error}"
