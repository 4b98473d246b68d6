"""The top of the list: the report shows as many pages as are asked for."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from workbook.exercises import not_yet
from workbook.system import System

PATIENCE = 10  # seconds
PAGES = {"/users?top": 3, "/add?top": 2, "/audit?top": 1}


def check(system: System) -> None:
    for path, count in PAGES.items():
        for _ in range(count):
            system.get("webapp", path)
    deadline = time.monotonic() + PATIENCE
    while not {*PAGES} <= {*report(system)}:
        if time.monotonic() > deadline:
            not_yet(f"report.sh: expected the pages {', '.join(PAGES)}, found {report(system)}")
        time.sleep(0.1)
    if (found := report(system, "2")) != ["/users?top", "/add?top"]:
        not_yet(f"report.sh 2: expected the pages /users?top and /add?top only, found {', '.join(found) or 'none'}")
    if (found := report(system, "1")) != ["/users?top"]:
        not_yet(f"report.sh 1: expected the page /users?top only, found {', '.join(found) or 'none'}")


def report(system: System, *words: str) -> list[str]:
    """The pages in the report, in its order."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "DNS_PORT": str(system.ports["dns"]), "COLUMNS": "100"}
    command = ["sh", "report/report.sh", *words]
    done = subprocess.run(command, cwd=system.folder, env=os.environ | own, capture_output=True, text=True)
    return re.findall(rf"{system.url('webapp')}(\S+)", done.stdout)
