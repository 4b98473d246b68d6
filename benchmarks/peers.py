"""Other programs to measure against, fetched once into .artifacts/: those of npm by their own package manager."""

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".artifacts" / "peers"


def node_program(package: str, version: str) -> Path | None:
    """The program of an npm package; None, with a line that says so, where it cannot be had."""
    program = FOLDER / "node_modules" / ".bin" / package
    if program.exists():
        return program
    if shutil.which("npm") is None:
        print(f"(npm is not installed: no figures of Node's {package})")
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [
        "npm",
        "install",
        "--prefix",
        str(FOLDER),
        "--no-save",
        "--no-audit",
        "--no-fund",
        f"{package}@{version}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not program.exists():
        print(f"(npm could not install {package}@{version}: no figures of it)\n{done.stderr[-500:]}", file=sys.stderr)
        return None
    return program


def python_program(name: str) -> Path | None:
    program = Path(sys.executable).with_name(name)
    if not program.exists():
        print(f"({name} is not installed: no figures of it; `make test` installs it)")
        return None
    return program
