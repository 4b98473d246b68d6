"""The report of a system, as whoever runs report.sh by hand gets it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from workbook.system import System


def run_report(system: System, **environment: str) -> subprocess.CompletedProcess[str]:
    """`environment`: in place of what is said by the ports of the system."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "DNS_PORT": str(system.ports["dns"]), "COLUMNS": "200"}
    return subprocess.run(
        ["sh", "report/report.sh"],
        cwd=system.folder,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
    )


def counts(system: System) -> dict[str, int]:
    """How often each page was loaded, by its path; in the order of the report. Nothing if there is no report."""
    rows = re.findall(r"^ +(\S+) +(\d+) *$", run_report(system).stdout, re.MULTILINE)
    return {url.removeprefix(system.url("webapp")): int(count) for url, count in rows}
