"""Who is whose child: nothing that a keeper has started outlives it, and it does not outlive fuge."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys

TYPE_CHECKING = False  # importing typing would cost a megabyte
if TYPE_CHECKING:
    import socket

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h

if LINUX:
    import ctypes

    LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Be killed when the parent ends, where the system can do so."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of all processes below that lose theirs, where the system can do so."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def prctl(option: int, value: int) -> None:
    if LINUX:
        LIBC.prctl(option, value, 0, 0, 0)


def guard(channel: socket.socket) -> int:
    """Fork, and return in the child, which is the keeper; the parent lives until the keeper or fuge has ended.

    Returns a file that only the keeper may hold: when it is closed, the keeper has ended.
    """
    ended, lifeline = os.pipe()
    if (keeper := os.fork()) == 0:
        os.close(ended)
        return lifeline
    os.close(lifeline)
    waiting = select.poll()
    waiting.register(ended, 0)  # whatever is asked for, the end is reported
    waiting.register(channel, select.POLLRDHUP)
    waiting.poll()
    kill_all({keeper})
    os._exit(0)


def kill_all(leaders: set[int]) -> None:
    """Kill children and their groups. Whatever loses its parent becomes our child, so in the end nothing is left."""
    for pid in leaders:
        for kill in (os.kill, os.killpg):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:  # no Linux: the groups have been killed, and there is no way to adopt orphans
        return []
