"""Many visitors at once, who calculate as fast as they are answered; as wrk plays them."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

FORMS = Path(__file__).with_name("forms.lua")
WAIT = 2  # seconds that the last answers have, once nothing is posted any more
TIMEOUT = 10  # seconds for an answer
PAUSE = 0.02  # seconds between two looks at what happens meanwhile


class Load(NamedTuple):
    """What came of it. `numbers` are those that were posted, `stop` is when the last was, in seconds since 1970."""

    rate: float  # answers per second
    p50: float  # milliseconds
    p99: float
    answered: int
    failed: int  # of those that were posted: not answered, or not with a status of 2xx
    numbers: range
    stop: float


def check() -> None:
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed, which plays the visitors: apt-get install wrk, or brew install wrk")


def calculate(
    url: str, connections: int, seconds: float, first: int, meanwhile: Callable[[], None] = lambda: None
) -> Load:
    """Post numbers from `first` on, each once; call `meanwhile` again and again until the end."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds + WAIT:.0f}s", f"--timeout={TIMEOUT}s", f"-s{FORMS}"]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([*command, url, "--", str(first), str(seconds)], stdout=output)
        while running(process):
            meanwhile()
        output.seek(0)
        *_, line = output.read().splitlines() or [""]
    if process.returncode or not line.startswith("{"):
        sys.exit(f"wrk failed at {url}")
    told = json.loads(line)
    sent, answered, wrong = told["sent"], told["answered"], told["not 2xx"]
    return Load(
        answered / seconds,
        told["p50"],
        told["p99"],
        answered,
        sent - answered + wrong,
        range(first, first + sent),
        told["stop"],
    )


def running(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(PAUSE)
    except subprocess.TimeoutExpired:
        return True
    return False
