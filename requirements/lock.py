"""Compile pyproject.toml's dependencies into the hashed, universal locks beside this file: make lock

No index address is written into a lock, and only packages that have wheels are taken. `test` and `lab`
are held to the versions of `run`, so that all three can live in one .venv.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = [
    *(sys.executable, "-m", "uv", "--no-config", "pip", "compile", "--quiet"),
    *("--universal", "--python-version", "3.11", "--only-binary", ":all:"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--upgrade"),
]


def compile_lock(purpose: str, *sources: str) -> None:
    print(f"requirements/{purpose}.txt", flush=True)
    subprocess.run([*COMPILE, *sources, "-o", f"requirements/{purpose}.txt"], cwd=ROOT, check=True)


if __name__ == "__main__":
    project = ("pyproject.toml", "--all-extras")
    compile_lock("boot", "requirements/boot.in")
    compile_lock("run", *project, "--group", "run")
    compile_lock("test", *project, "--group", "test", "-c", "requirements/run.txt")
    compile_lock("lab", *project, "--group", "lab", "-c", "requirements/test.txt")
