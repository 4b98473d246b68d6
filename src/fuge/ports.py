"""Ports of this machine: free ones, and who holds one that is not."""

import contextlib
import errno
import os
import random
import socket
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from fuge.errors import FugeError

if TYPE_CHECKING:
    import psutil

# Below every system's range for outgoing connections, so that none can take a port between the look and the use.
USUAL = range(20_000, 30_000)
SETTING = "FUGE_FREE_PORTS"  # "21000-21999": other ones; programs that look at the same time need ranges of their own


def candidates() -> range:
    """Where to look for free ports. Raises FugeError if the environment names no range."""
    text = os.environ.get(SETTING)
    if text is None:
        return USUAL
    first, _, last = text.partition("-")
    if first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 65_536:
        return range(int(first), int(last) + 1)
    raise FugeError(f"{SETTING}: expected two ports such as 21000-21999, found {text!r}")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now. An address of another machine cannot be judged, and counts as free."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def free(count: int, taken: Collection[int] = (), host: str = "127.0.0.1") -> list[int]:
    """That many free ports of a host, all different and none of those `taken`; fewer if there are not so many.

    Raises FugeError as `candidates` does.
    """
    found: list[int] = []
    for port in random.sample(candidates(), len(candidates())):
        if len(found) == count:
            break
        if port not in taken and is_free(port, host):
            found.append(port)
    return found


def holder(port: int, kind: Literal["tcp", "udp"] = "tcp") -> "psutil.Process | None":
    """The process that listens on a port; None where that cannot be seen, as for other users' processes."""
    import psutil  # whoever only looks for free ports does not need it

    with contextlib.suppress(psutil.AccessDenied):
        for connection in psutil.net_connections(kind):
            listens = (kind == "udp" or connection.status == psutil.CONN_LISTEN) and connection.pid
            if listens and connection.laddr and connection.laddr.port == port:
                with contextlib.suppress(psutil.NoSuchProcess):
                    return psutil.Process(connection.pid)
    return None


def describe(process: "psutil.Process | None") -> str:
    """Who that is, in words: "pid 123 python main.py (in /home/me/project)"."""
    import psutil

    if process is None:
        return "a program that cannot be seen from this account"
    words = f"pid {process.pid}"
    with contextlib.suppress(psutil.Error):
        words += f" {' '.join(process.cmdline()).strip()}"
        words += f" (in {process.cwd()})"
    return words
