"""What processes use: a real one, with a child that is busy."""

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from helpers import wait_until

from fuge.faces.ui.usage import LEAST, Usage

BUSY = "while True: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", PARENT])
    yield process
    for each in [*psutil.Process(process.pid).children(), process]:
        each.kill()
    process.wait()


def test_the_whole_tree_counts(parent: "subprocess.Popen[bytes]") -> None:
    usage = Usage()
    assert wait_until(lambda: bool(psutil.Process(parent.pid).children()))
    share, memory = usage.measure({"one": parent.pid}, 0)["one"]
    assert share is None
    assert memory > psutil.Process(parent.pid).memory_info().rss
    began = time.monotonic()

    def is_busy() -> bool:
        found = usage.measure({"one": parent.pid}, 1 + time.monotonic() - began)["one"][0]
        return found is not None and found > 0

    assert wait_until(is_busy)


def test_two_looks_at_once_are_one(parent: "subprocess.Popen[bytes]") -> None:
    usage = Usage()
    first = usage.measure({"one": parent.pid}, 0)
    assert usage.measure({"one": parent.pid}, LEAST / 2) == first
    assert usage.measure({}, LEAST / 2) == {}


def test_what_is_gone_uses_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert Usage().measure({"one": gone.pid}, 0) == {}
