"""Within fuge, arrows point one way, and what is heavy is imported by one module only."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import imported

from workbook.course import ROOT

FUGE = ROOT / "src" / "fuge"
ROOMS = ["plan", "services", "engine", "export", "faces"]  # each may know those before it
OUTSIDE = {  # who may import which package from outside
    "pydantic": {"plan/fields.py", "plan/schema.py"},
    "pydantic_core": {"plan/fields.py"},
    "ruamel": {"plan/places.py", "plan/syntax.py"},
    "psutil": {"ports.py", "engine/claim.py", "faces/background.py", "faces/errands.py", "faces/ui/usage.py"},
    "concordant": {
        *("plan/domain.py", "plan/external.py", "plan/zone.py", "export/compose.py", "export/elsewhere.py"),
        *("export/kubernetes.py", "export/mounts.py", "export/naming.py", "export/units.py"),
    },
    "dnslib": {"engine/dns/answers.py", "engine/dns/packets.py"},
    "aiohttp": {"engine/traces/http.py", "faces/ui/guard.py", "faces/ui/server.py", "faces/ui/tab.py"},
    "google": {"engine/traces/messages.py"},
    "opentelemetry": {"engine/metrics/otlp.py", "engine/traces/messages.py", "engine/traces/otlp.py"},
    "pathspec": {"engine/ignoring.py"},
    "watchfiles": {"engine/changes.py"},
    "prompt_toolkit": {"faces/prompt.py"},
    "rich": {"faces/tables.py"},
    "docker": {"services/docker_sdk.py"},
    "urllib3": {"services/docker_sdk.py"},  # comes with docker's SDK, and has errors of its own
}
KEEPER = sorted((FUGE / "services" / "keeper").glob("*.py"))  # a program of its own
MODULES = sorted(path for path in FUGE.rglob("*.py") if path not in KEEPER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FUGE).as_posix())
def test_module_knows_only_the_rooms_before_its_own(path: Path) -> None:
    names = [name.split(".") for name in imported(path)]
    packages = {name[0] for name in names} - set(sys.stdlib_module_names)
    assert not packages & {"mu", "workbook"}
    room = path.relative_to(FUGE).parts[0]
    known = {name[1] for name in names if name[0] == "fuge" and len(name) > 1} & set(ROOMS)
    if room in ROOMS:
        assert known <= set(ROOMS[: ROOMS.index(room) + 1])


def test_packages_from_outside_are_imported_where_it_is_said() -> None:
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for package in {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"fuge"}:
            found.setdefault(package, set()).add(path.relative_to(FUGE).as_posix())
    assert found == OUTSIDE


def test_the_keeper_is_lean() -> None:
    """What it imports is in the memory of each plain start's parent, and visible to each warm service."""
    assert "keeper" in {path.stem for path in KEEPER}
    names = {name.split(".")[0] for path in KEEPER for name in imported(path)} - {path.stem for path in KEEPER}
    assert names <= set(sys.stdlib_module_names)
    assert not names & {"asyncio", "logging", "subprocess", "threading", "pathlib"}


def test_a_query_does_not_wait_for_what_only_others_need() -> None:
    heavy = "prompt_toolkit rich aiohttp docker importlib.metadata psutil sqlite3 fuge.engine.running"
    code = f"import sys, fuge.faces.cli; print(*sorted({set(heavy.split())} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_fuge_starts_without_what_only_traces_need() -> None:
    heavy = "{'aiohttp', 'google.protobuf', 'opentelemetry', 'sqlite3', 'fuge.engine.traces.http'}"
    code = f"import sys, fuge.faces.foreground; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
