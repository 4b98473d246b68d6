"""Runs a program and tells in which layers its time goes: python sampled.py TO_FILE PROGRAM

Every few milliseconds of its processor's time it looks which code is at work. Code that is no layer of its own, such as
the standard library but for asyncio, counts as that which has called it, and so do calls into C and the system. On
uvloop it sees next to nothing, which runs handlers of signals only now and then.
"""

import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL = 0.001  # seconds
PACKAGES = {
    "aiohttp_jinja2": "templates",
    "jinja2": "templates",
    "markupsafe": "templates",
    "aiohttp": "aiohttp",
    "aiosignal": "aiohttp",
    "multidict": "aiohttp",
    "yarl": "aiohttp",
    "redis": "redis",
    "asyncio": "asyncio",
    "uvloop": "asyncio",
    "concordant": "mu",
    "mu": "mu",
}
ROOMS = ("adapters", "transports")  # of mu

counts: Counter[str] = Counter()
known: dict[str, str] = {}


def layer_of(file: str) -> str:
    """Empty for what is none."""
    folders = Path(file).parts
    if file.endswith(".html"):
        return "templates"
    for index in range(len(folders) - 2, -1, -1):
        if layer := PACKAGES.get(folders[index]):
            room = folders[index + 1]
            return f"mu {room}/{Path(folders[index + 2]).stem}" if layer == "mu" and room in ROOMS else layer
    return "the step's own code" if Path(file).is_relative_to(Path.cwd()) else ""


def sample(_: int, frame: FrameType | None) -> None:
    layers = []
    while frame:
        file = frame.f_code.co_filename
        if file not in known:
            known[file] = layer_of(file)
        if known[file]:
            layers.append(known[file])
        frame = frame.f_back
    if "asyncio" in layers:  # else it only begins, or ends
        counts[layers[0]] += 1


def main(file: str, program: str) -> None:
    sys.argv = [program]
    sys.path[0] = str(Path(program).resolve().parent)
    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        runpy.run_path(program, run_name="__main__")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(file).write_text(json.dumps(counts), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
