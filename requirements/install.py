"""Make .venv and install one of the hashed locks into it: python3 requirements/install.py run|test|lab|fuzz|compose

Needs nothing but Python's own library, and is written so that a Python which is too old can still read
it and say so. Doing nothing, when all is installed already, takes a few hundredths of a second.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
OLDEST, NEWEST = (3, 11), (3, 14)
WHEELS_ONLY = ["--require-hashes", "--only-binary", ":all:"]


def main(arguments):
    purposes = sorted(path.stem for path in LOCKS.glob("*.txt") if path.stem != "boot")
    if len(arguments) != 1 or arguments[0] not in purposes:
        sys.exit("usage: python3 requirements/install.py " + "|".join(purposes))
    if sys.version_info < OLDEST:
        return continue_with_newer_python(arguments)
    with one_at_a_time():
        return provide(arguments[0], purposes)


def provide(purpose, purposes):
    if stamp(purpose).is_file() and stamp(purpose).read_text(encoding="utf-8") == state(purpose) and runs(PYTHON):
        return
    print("Installing what `make {}` needs into .venv (only the first time) ...".format(purpose), flush=True)
    whole = VENV / "whole"  # absent while something is being installed: what was interrupted is made anew
    if not (whole.is_file() and whole.read_text(encoding="utf-8") == origin() and runs(PYTHON)):
        create_venv()
    else:
        whole.unlink()
    install(purpose)
    for each in purposes:
        if pins(each) <= pins(purpose):  # that one is installed with it
            stamp(each).write_text(state(each), encoding="utf-8")
    whole.write_text(origin(), encoding="utf-8")


@contextlib.contextmanager
def one_at_a_time():
    """Wait while another of these changes .venv: it would be found half made, and be made anew under its hands."""
    with (LOCKS / "boot.txt").open("rb") as held:
        if fcntl:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Waiting for another installation into .venv ...", flush=True)
                fcntl.flock(held, fcntl.LOCK_EX)
        yield


def continue_with_newer_python(arguments):
    """Start again with the newest Python on PATH that will do, else say what to install."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which("python3.{}".format(minor))
        if found and runs(found):
            sys.exit(subprocess.call([found, str(Path(__file__).resolve())] + arguments))  # noqa: RUF005
    sys.exit(
        "Python 3.11 or newer is needed, this is {}: install one (Debian and Ubuntu: apt install python3.11"
        " python3.11-venv; macOS: brew install python@3.13), or name yours: make PYTHON=/path/to/python3.13".format(
            sys.version.split()[0]
        )
    )


def origin():
    """What a .venv is made for: this Python, at this place (its scripts hold the path)."""
    return "Python {}.{}\n{}\n".format(sys.version_info[0], sys.version_info[1], VENV)


def stamp(purpose):
    """The file in .venv that says which state of a lock is installed."""
    return VENV / ("installed-" + purpose)


def pins(purpose):
    """A lock's packages, each with its version and where it is needed."""
    lines = (LOCKS / (purpose + ".txt")).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line[:1].isalnum()}


def state(purpose):
    """What an installation depends on: the locks, what pyproject.toml says of the project, place and Python."""
    digest = hashlib.sha256()
    for path in (LOCKS / (purpose + ".txt"), LOCKS / "boot.txt"):
        digest.update(path.read_bytes())
    digest.update((ROOT / "pyproject.toml").read_bytes().partition(b"\n[tool.")[0])
    return digest.hexdigest() + "\n" + origin()


def runs(python):
    try:
        return subprocess.call([str(python), "-c", ""], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def create_venv():
    if VENV.exists():
        shutil.rmtree(str(VENV))
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if made.returncode:
        shutil.rmtree(str(VENV), ignore_errors=True)
        output = made.stdout.decode(errors="replace")
        if "ensurepip" in output or "No module named venv" in output:
            version = "{}.{}".format(*sys.version_info)
            sys.exit(
                "This Python cannot make virtual environments: install python3-venv (Debian and Ubuntu:"
                " apt install python3-venv, or python{}-venv), then run the command again".format(version)
            )
        sys.exit("Could not make .venv with {}: {}".format(sys.executable, last_line(output)))


def install(purpose):
    """By uv, which takes seconds; where uv cannot be had or fails, by pip from the same lock."""
    lock = LOCKS / (purpose + ".txt")
    pip = [str(PYTHON), "-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    uv = [str(PYTHON), "-I", "-m", "uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    link = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    boot = pip + WHEELS_ONLY + ["-r", str(LOCKS / "boot.txt")]
    from_lock = WHEELS_ONLY + ["-r", str(lock)]  # noqa: RUF005
    problem = fails(boot) or fails([*uv, "--compile-bytecode", *from_lock]) or fails(uv + link)
    if not problem:
        return
    print("Installing with pip, which takes longer, since uv failed: " + last_line(problem), flush=True)
    problem = fails(pip + from_lock) or fails(pip + link)
    if problem:
        sys.exit(explain(problem, lock))


def fails(command):
    """What the command said when it failed, or an empty text. WORKBOOK_WITHOUT_UV=1 leaves uv out."""
    if "uv" in command and os.environ.get("WORKBOOK_WITHOUT_UV"):
        return "uv is switched off"
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, cwd=str(ROOT))
    return "" if done.returncode == 0 else done.stdout.decode(errors="replace") or "it failed silently"


def explain(problem, lock):
    """pip's many lines as one that says what to do."""
    python = "Python {}.{} on {}".format(sys.version_info[0], sys.version_info[1], sys.platform)
    missing = re.search(r"No matching distribution found for ([\w.-]+)", problem)
    unreachable = re.search(r"(Connection|Max retries|NewConnectionError|Name or service|timed? ?out)", problem)
    if unreachable:
        advice = "the package index could not be reached: check the network, or pip's settings (pip config list)"
    elif missing:
        advice = "there is no wheel of {} for {}: use Python 3.{} to 3.{} (make PYTHON=python3.13)".format(
            missing.group(1), python, OLDEST[1], NEWEST[1]
        )
    elif "THESE PACKAGES DO NOT MATCH THE HASHES" in problem:
        advice = "a package is not the one that was locked (wrong hash): do not use that index or mirror"
    else:
        advice = last_line(problem)
    return "Could not install {}: {}".format(lock.relative_to(ROOT), advice)


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the next `make` starts the installation again.")
