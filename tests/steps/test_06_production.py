"""Recipe 06 in production: the same files, found by the system's resolver from a DNS server that is not fuge's."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import production
import pytest
from bind import NAMED_CONF
from helpers import engine_needed
from network_apart import run_apart
from production import PLACES

from workbook import course, snapshots
from workbook.system import System

pytestmark = pytest.mark.step("06")
RECIPE = course.recipe("06")


def hash_of(folder: Path) -> str:
    """Of all files of the services, with their names."""
    files = {name: content for name, content in snapshots.read(folder).items() if not name.startswith("fuge/")}
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


def zone(step: Path) -> str:
    """The zone that fuge writes for other DNS servers, with the places that the services have in production."""
    places = [f"--address={name}={host}:{port}" for name, (host, port) in PLACES.items()]
    command = [sys.executable, "-m", "fuge", "-f", str(step / "fuge" / "fuge.yml"), "zone", "--bind", *places]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_same_files_run_on_fuges_dns_and_on_the_systems_resolver(tmp_path: Path) -> None:
    engine_needed("wheel")
    with System(RECIPE.step, RECIPE, "wheel") as system:
        assert ">42</output>" in system.post("webapp", "/add/calculate", first="19", second="23").text
        developed = hash_of(system.folder)
    step = tmp_path / "step"
    snapshots.write(snapshots.read(RECIPE.step), step)
    folder = tmp_path / "bind"
    folder.mkdir()
    (folder / "named.conf").write_text(NAMED_CONF, encoding="utf-8")
    (folder / "zone").write_text(zone(step), encoding="utf-8")
    seen = json.loads(run_apart(folder, Path(production.__file__), str(step)))
    assert seen == {"status": 200, "sums": ["42"], "audit": [["19 + 23", "42"]]}
    assert hash_of(step) == developed
