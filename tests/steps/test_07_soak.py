"""Recipe 07 under blows, in short; `make soak` makes it ten minutes. What must come out is said in benchmarks/."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from helpers import engine_needed

from workbook.course import ROOT

ENGINE = "wheel"  # blows by each engine are in test_07_queue.py
STRUCK = ["adder_service", "audit_service", "event_service", "mongo", "redis", "webapp"]

pytestmark = [pytest.mark.step("07"), pytest.mark.timeout(400)]


def said_by(name: str, *options: str) -> str:
    """What a benchmark prints, which finds nothing amiss."""
    engine_needed(ENGINE)
    program = [sys.executable, str(ROOT / "benchmarks" / name), *options]
    done = subprocess.run(program, env=os.environ | {"FUGE_ENGINE": ENGINE}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_audit_and_report_say_what_visitors_were_told_whatever_is_struck() -> None:
    said = said_by("soak_system.py", "--seconds", "30", "--every", "3", "--seed", "7")
    strikes = [line for line in said.splitlines() if " after the strike" in line]
    assert {service for service in STRUCK if any(service in line for line in strikes)} == set(STRUCK)


def test_what_is_amiss_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from blows.accounts import Account

    account = Account(
        told={"told", "lost", "again"}, open={"open"}, stored=Counter(["told", "open", *2 * ["again"], "?"])
    )
    assert (account.missing, account.twice, account.unknown) == ({"lost"}, {"again"}, {"?"})
    assert not account.is_right
    assert Account({"told"}, {"open"}, Counter(["told"])).is_right


def test_killed_webapp_comes_back_and_loses_only_what_it_had_in_hand() -> None:
    """That is what it answered in the last moment; nothing is counted twice. The program says so by its exit code."""
    assert "missing in all: " in said_by("webapp_killed.py", "--kills", "2")
