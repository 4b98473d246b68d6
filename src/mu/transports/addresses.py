"""Hosts and ports, and what can be wrong with them."""

import errno
import os
import socket
import ssl as tls


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


def not_connected(error: OSError) -> str:
    """Why an attempt to connect has failed."""
    if error.errno == errno.ECONNREFUSED:
        return "nobody listens there"
    if error.errno and not isinstance(error, tls.SSLError | socket.gaierror):  # these have numbers of their own
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
