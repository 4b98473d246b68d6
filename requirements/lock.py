"""Compile pyproject.toml's dependencies into the hashed, universal locks beside this file: make lock

No index address is written into a lock. `test` and `lab` are held to the versions of `run`, so that all
three can live in one .venv. At the end each lock is resolved for every Python and platform that the README
names, from wheels alone.
"""

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = [sys.executable, "-m", "uv", "--no-config", "pip"]
COMPILE = [
    *(*UV, "compile", "--quiet", "--universal", "--python-version", "3.11", "--only-binary", ":all:"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--upgrade"),
]
RESOLVE = [*UV, "install", "--quiet", "--dry-run", "--require-hashes", "--only-binary", ":all:"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PLATFORMS = [
    *("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"),
    *("x86_64-apple-darwin", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"),
]
LOCKS = ["boot", "run", "test", "lab", "fuzz", "compose"]
NEWER = {("compose", "x86_64-unknown-linux-gnu"): "x86_64-manylinux_2_35"}  # as a wheel has it, and Debian 12


def compile_lock(purpose: str, *sources: str) -> None:
    print(f"requirements/{purpose}.txt", flush=True)
    subprocess.run([*COMPILE, *sources, "-o", f"requirements/{purpose}.txt"], cwd=ROOT, check=True)


def without_wheels() -> list[str]:
    """Every lock, Python and platform for which a wheel is missing, with uv's own words."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for lock, python, platform in itertools.product(LOCKS, PYTHONS, PLATFORMS):
            system = NEWER.get((lock, platform), platform)
            where = ["--target", folder, "--python-version", python, "--python-platform", system]
            command = [*RESOLVE, *where, "-r", f"requirements/{lock}.txt"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                found.append(f"{lock}.txt, Python {python}, {platform}: {done.stderr.strip()}")
    return found


if __name__ == "__main__":
    project = ("pyproject.toml", "--all-extras")
    compile_lock("boot", "requirements/boot.in")
    compile_lock("fuzz", "requirements/fuzz.in")
    compile_lock("compose", "requirements/compose.in")
    compile_lock("run", *project, "--group", "run")
    compile_lock("test", *project, "--group", "test", "-c", "requirements/run.txt")
    compile_lock("lab", *project, "--group", "lab", "-c", "requirements/test.txt")
    print("wheels for every Python and platform", flush=True)
    sys.exit("\n".join(without_wheels()) or None)
