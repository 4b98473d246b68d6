"""One engine for one fuge.yml: who runs it, and what a crashed one has left behind."""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import tempfile
import time
import uuid
from pathlib import Path

import psutil

from fuge.engine.card import card_path, read_card
from fuge.errors import FugeError
from fuge.plan.system import OWN_FOLDER, System
from fuge.services import private

SWEEP = 10  # seconds for the processes of a crashed engine to go
LONGEST_PATH = 100  # characters of a socket's path; macOS allows 103, Linux 107
SHORT_FOLDERS = ("/tmp",)  # noqa: S108  (when the others are too long or not there; a folder of our own is made in it)


class Claim:
    """Held by the engine of a system: a lock that the operating system takes back however the engine ends.

    `owner` marks the engine's processes; `socket` is the path of its control socket.
    """

    def __init__(self, system: System) -> None:
        self.owner = uuid.uuid4().hex
        self.socket = socket_path(system.data)
        self._card = card_path(system.data)
        try:
            (private.own_folder if system.data.name == OWN_FOLDER else private.folder)(system.data)
            private.write(system.data / ".gitignore", "*\n")
            self._lock = os.fdopen(private.file(system.data / "lock", os.O_WRONLY | os.O_APPEND), "a")
        except OSError as error:
            raise FugeError(
                f"cannot write to {system.data}: {error.strerror}; fuge keeps logs and state there"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise FugeError(held_by(read_card(system.data), system)) from None
        sweep(read_card(system.data))
        self.socket.unlink(missing_ok=True)
        card = {"pid": os.getpid(), "owner": self.owner, "socket": str(self.socket), "file": str(system.file)}
        private.write(self._card, json.dumps(card))

    def release(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._card.unlink(missing_ok=True)
        self._lock.close()


def held_by(card: dict[str, str], system: System) -> str:
    file, pid = card.get("file", str(system.file)), card.get("pid", "?")
    if file == str(system.file):
        return f"{file} is running already, by pid {pid}: use `fuge ps`, `fuge start` and so on, or `fuge down`"
    return f"{file} is running, by pid {pid}, and keeps its state in the same folder: `fuge -f {file} down` ends it"


def socket_path(file: Path) -> Path:
    """A short path, since sockets allow about 100 characters, in a folder that only this user can enter.

    Raises FugeError if there is no such folder.
    """
    name = f"{hashlib.sha256(str(file).encode()).hexdigest()[:16]}.sock"
    refused = []
    for base in dict.fromkeys([os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), *SHORT_FOLDERS]):
        folder = Path(base) / f"fuge-{os.getuid()}"
        if not base or len(str(folder / name)) > LONGEST_PATH:
            continue
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
        except OSError as error:
            refused.append(f"{folder}: {error.strerror}")
            continue
        if found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder / name
        refused.append(f"{folder} must belong to you, and to nobody else (mode 700)")
    raise FugeError(f"there is no folder for fuge's socket ({'; '.join(refused)}): set XDG_RUNTIME_DIR to one")


def sweep(card: dict[str, str]) -> None:
    """Kill what a crashed engine has started, and wait until it is gone. Its keepers have mostly done so already."""
    owner = card.get("owner")
    deadline = time.monotonic() + SWEEP
    while owner and (left := marked(owner)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def marked(owner: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mark = process.environ().get("FUGE_RUN", "")
            if mark.startswith(owner) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found
