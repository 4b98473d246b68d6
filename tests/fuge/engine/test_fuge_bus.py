"""What is kept of events, whatever happens to the disk or to fuge."""

import subprocess
import sys
from pathlib import Path

import pytest

from fuge.engine import bus


def test_history_of_events_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "BIG", 1000)
    folder = tmp_path / "log"
    for number in range(40):
        writer = bus.Bus(folder)
        writer.event("ready", "x", f"number {number}")
        writer.close()
    texts = [event["text"] for event in bus.read_events(folder)]
    assert texts[-1] == "number 39"
    assert texts == [f"number {number}" for number in range(40 - len(texts), 40)]
    assert 10 < len(texts) < 30
    assert sorted(path.name for path in folder.iterdir()) == ["events.jsonl", "events.jsonl.1"]


def test_torn_event_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    writer = bus.Bus(folder)
    writer.event("ready", "x", "whole")
    writer.close()
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"time": 1, "eve')
    writer = bus.Bus(folder)
    writer.event("ready", "x", "after")
    writer.close()
    assert [event["text"] for event in bus.read_events(folder)] == ["whole", "after"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from fuge.engine.bus import Bus
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
bus = Bus(Path(sys.argv[1]))
bus.subscribe(lambda event: print(event["event"], event["text"]))
bus.event("ready", "x", "kept")
resource.setrlimit(resource.RLIMIT_FSIZE, (150, most))
for number in range(3):
    bus.event("ready", "x", f"lost {number}" + " " * 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
bus.event("ready", "x", "kept again")
bus.close()
"""


def test_full_disk_loses_events_and_says_so_once(tmp_path: Path) -> None:
    """The limit of a process for its files acts as a full disk. Whoever listens hears of every event all the same."""
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=True)
    problem = "cannot write events: there was room for a part only; they are lost until they can be written again"
    assert [line.strip() for line in ran.stdout.splitlines()] == [
        "ready kept",
        f"problem {problem}",
        "ready lost 0",
        "ready lost 1",
        "ready lost 2",
        "ready kept again",
    ]
    assert [event["text"] for event in bus.read_events(tmp_path)] == ["kept", "kept again"]
