"""Other programs to measure against, fetched once into .artifacts/: those of npm by their own package manager."""

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".artifacts" / "peers"


def node_packages(*packages: str) -> Path | None:
    """The node_modules that hold these, such as "mu@2.0.5"; None, with a line that says so, where they cannot be had.

    They have a folder of their own, since npm removes what it was not told of from the folder that it installs into.
    """
    folder = FOLDER / "+".join(packages)
    if (folder / "complete").exists():
        return folder / "node_modules"
    if shutil.which("npm") is None:
        print(f"(npm is not installed: no figures of Node's {', '.join(packages)})")
        return None
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund", *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"(npm could not install {', '.join(packages)}: no figures of it)\n{done.stderr[-500:]}", file=sys.stderr)
        return None
    (folder / "complete").touch()
    return folder / "node_modules"


def node_program(package: str, version: str) -> Path | None:
    """The program of an npm package; None, with a line that says so, where it cannot be had."""
    modules = node_packages(f"{package}@{version}")
    return modules / ".bin" / package if modules else None


def python_program(name: str) -> Path | None:
    program = Path(sys.executable).with_name(name)
    if not program.exists():
        print(f"({name} is not installed: no figures of it; `make test` installs it)")
        return None
    return program
