"""What makes a keeper warm, on Linux only: the imports of scripts, and whether a fork can have them from here."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import time

import family

TYPE_CHECKING = False  # importing typing would cost a megabyte
if TYPE_CHECKING:
    from typing import Any

HOLDS_STATE = {"numpy": "its random numbers would repeat", "grpc": "it does not survive a fork"}


def preload(modules: list[str]) -> str:
    """Import what can be imported. Returns why a fork of this process would not be as good as a new one, or ""."""
    spoken = os.memfd_create("spoken")
    for number in (1, 2):
        os.dup2(spoken, number)
    os.close(spoken)
    before = surroundings()
    for name in modules:
        try:
            if "." not in name or is_submodule(name):
                importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if not f"{name}.".startswith(f"{missing.name}."):  # else it is not installed, and nothing has happened
                return f"import {name}: {missing}"
        except BaseException as problem:
            return f"import {name}: {type(problem).__name__}: {problem}"
    sys.stdout.flush()
    sys.stderr.flush()
    for name, reason in HOLDS_STATE.items():
        if name in sys.modules:
            return f"{name}: {reason}"
    after = surroundings()
    return next((f"an import {change}" for change in before if before[change] != after[change]), "")


def is_submodule(name: str) -> bool:
    """Whether X.Y is a module rather than something that module X defines."""
    import importlib.util

    parent, _, child = name.rpartition(".")
    return not hasattr(importlib.import_module(parent), child) and importlib.util.find_spec(name) is not None


def surroundings() -> dict[str, object]:
    """What a script does not expect to be changed before it has begun."""
    umask = os.umask(0o077)
    os.umask(umask)
    return {
        "prints something": os.fstat(1).st_size,
        "starts a thread": os.listdir("/proc/self/task"),
        "starts a process": family.children(),
        "changes the current folder": os.getcwd(),
        "changes the umask": umask,
        "changes signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "changes the signal mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "changes sys.path": list(sys.path),
        "changes garbage collection": (gc.isenabled(), gc.get_threshold()),
        "leaves a file open": os.listdir("/proc/self/fd"),
    }


def generators() -> list[Any]:
    """What makes random numbers: without new seeds each fork would get the same ones."""
    kind = getattr(sys.modules.get("random"), "Random", None)
    return [thing for thing in gc.get_objects() if type(thing) is kind] if kind else []


def loaded_files(began: int) -> dict[str, tuple[int, int]]:
    """The source of every module from outside Python's own library, with what tells whether it has changed."""
    own = os.path.dirname(os.__file__)
    installed = os.path.join(own, "site-packages")
    names = {vars(module).get("__file__") for module in list(sys.modules.values()) if hasattr(module, "__dict__")}
    wanted = [name for name in names if name and (not name.startswith(own) or name.startswith(installed))]
    states = {name: file_state(name) for name in wanted}
    meanwhile = [name for name, (time_changed, _) in states.items() if began < time_changed <= time.time_ns()]
    return states | dict.fromkeys(meanwhile, (0, 0))


def changed(loaded: dict[str, tuple[int, int]]) -> str:
    """The name of a file that is not as it was when it was loaded; "" if there is none."""
    return next((name for name, state in loaded.items() if file_state(name) != state), "")


def file_state(name: str) -> tuple[int, int]:
    try:
        found = os.stat(name)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
