"""The parsers that meet bytes from outside, for a moment each; and that the fuzzer would see what goes wrong."""

import asyncio
import contextlib
import json
import logging
import mmap
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from fuzz import campaign as campaigns
from fuzz.campaign import report_of, run
from fuzz.json_values import changing
from fuzz.mutating import LONGEST, mutated
from fuzz.target import Check, Misbehaved, Target, watched_loop
from fuzz.targets import PARSERS, TARGETS

from workbook.course import ROOT

MOMENT = 2.0  # seconds
SEED = 20


@pytest.mark.parametrize("name", TARGETS)
def test_parser_takes_or_refuses_whatever_comes(name: str, tmp_path: Path) -> None:
    campaign = run(TARGETS[name], tmp_path, MOMENT, SEED)
    reports = [report_of(path).read_text(encoding="utf-8") for path in campaign.findings.values()]
    assert not reports, f"{campaign}\n{reports[0]}"
    assert campaign.tried > len(TARGETS[name].seeds)


# The fuzzer itself -------------------------------------------------------------------------------------------------


def broken(check: Check, seeds: tuple[bytes, ...] = (b"a real input",)) -> Target:
    @contextlib.contextmanager
    def opened() -> Iterator[Check]:
        yield check

    return Target("broken.yml", seeds, (b"word",), opened)


def test_fuzzer_writes_down_what_it_finds_once(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        if b"word" in data:
            raise IndexError(f"at {data.index(b'word')}")

    campaign = run(broken(check), tmp_path, 0.5)
    [path] = campaign.findings.values()
    assert b"word" in path.read_bytes()
    assert "IndexError: at " in report_of(path).read_text()
    assert len(list(tmp_path.iterdir())) == 2
    assert f"IndexError < test_fuzz.py:{check.__code__.co_firstlineno + 2}" in str(campaign)


def test_fuzzer_finds_an_input_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "SLOWEST", 0.05)

    def check(data: bytes) -> None:
        while data == b"slow":
            time.sleep(0.001)

    campaign = run(broken(check, (b"slow",)), tmp_path, 0.2)
    assert [kind.split(" < ")[0] for kind in campaign.findings] == ["Slow"]
    assert next(iter(campaign.findings.values())).read_bytes() == b"slow"


def test_fuzzer_finds_memory_that_is_not_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "LOOK", 5)
    monkeypatch.setattr(campaigns, "GROWTH", 4 << 20)
    kept = []

    def check(data: bytes) -> None:
        memory = mmap.mmap(-1, 1 << 20)  # from the system, where an object might take what an earlier test has left
        memory.write(b"x" * (1 << 20))
        kept.append(memory)

    campaign = campaigns.Campaign(broken(check), tmp_path, seconds=0)  # it is warm at once
    for _ in range(20):
        campaign.attempt(check, b"")
    assert [kind.split(" < ")[0] for kind in campaign.findings] == ["Grown"]


@pytest.mark.parametrize("way", ["log", "task"])
def test_fuzzer_sees_what_only_a_log_would_tell(way: str) -> None:
    async def fail() -> None:
        if way == "log":
            logging.getLogger("mu").error("a job failed")
        else:
            asyncio.get_running_loop().call_soon(int, "no number")
            await asyncio.sleep(0)

    with watched_loop() as (loop, watch):
        loop.run_until_complete(fail())
        with pytest.raises(Misbehaved, match="a job failed" if way == "log" else "no number"):
            watch.check()
        watch.check()  # each is told once


def test_mutated_inputs_differ_and_stay_short() -> None:
    random = Random(SEED)
    made = [mutated(random, broken(len), data) for data in (b"x" * 3000, b"", b"y") for _ in range(1000)]
    assert len(set(made)) > 1500
    assert max(map(len, made)) <= LONGEST


def test_command_says_which_parsers_there_are() -> None:
    command = [sys.executable, "-m", "fuzz", "nonsense"]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True)
    assert done.returncode == 2
    assert f"expected some of {', '.join(PARSERS)}; found nonsense" in done.stderr


def test_changed_json_stays_json() -> None:
    random, change = Random(SEED), changing(["extra"])
    made = set()
    for _ in range(500):
        data = bytearray(b'\1{"a": [1, {"b": null}]}\n{"c": "x"}')
        change(random, data, ())
        first, second = bytes(data[1:]).split(b"\n")
        made.add(f"{json.loads(first)} {json.loads(second)}")
    assert len(made) > 100
    assert any("extra" in each for each in made)
    data = bytearray(b"\0no JSON")
    change(random, data, ())
    assert data == b"\0no JSON"
