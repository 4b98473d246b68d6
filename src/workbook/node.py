"""Node's mu, for a notebook that has a service written for it: the packages that the tests talk to, from their lock."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from workbook.course import ROOT
from workbook.errors import WorkbookError

PACKAGES = ROOT / "tests" / "interop" / "node"
STORE = ROOT / ".artifacts" / "interop"
PATIENCE = 45  # seconds for npm


def modules(patience: float = PATIENCE) -> Path:
    """The folder node_modules, filled by npm the first time. Raises WorkbookError where that is not to be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise WorkbookError("there is no Node with npm on PATH (Debian: apt install nodejs npm)")
    folder = STORE / hashlib.sha256((PACKAGES / "package-lock.json").read_bytes()).hexdigest()[:16]
    if not folder.exists():
        STORE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=STORE) as scratch:
            install(Path(scratch, "new"), patience)
            if not folder.exists():  # somebody else may have been faster
                Path(scratch, "new").rename(folder)
    return folder / "node_modules"


def install(folder: Path, patience: float) -> None:
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        raise WorkbookError(f"npm did not fetch Node's mu within {patience:g} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise WorkbookError(f"npm could not fetch Node's mu: {said[0]}")
