"""The soak, in short; `make soak` makes it a million dispatches and a minute of blows."""

import subprocess
import sys

from workbook.course import ROOT


def test_nothing_grows_and_nothing_is_lost() -> None:
    soak = [sys.executable, str(ROOT / "benchmarks" / "soak.py"), "--seconds", "3", "--dispatches", "20000"]
    done = subprocess.run(soak, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, nothing left" in done.stdout
