"""A folder in which packets outlive the process: a file of JSON lines for each time that some were left over."""

import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from mu.codec import decode, encode
from mu.errors import BadFrame, MuError
from mu.packet import is_request
from mu.transport import Packet

log = logging.getLogger("mu")


class Spool:
    """Several processes may share the folder: none writes into another's file, or removes what it has not delivered."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()

    def load(self) -> Iterator[tuple[list[Packet], Path | None]]:
        """What earlier processes left, oldest first, with the file to remove once all of it is delivered."""
        for file in sorted(self.folder.glob("*.jsonl")):
            lines = file.read_bytes().splitlines()
            packets = list(readable(lines, file))
            if len(packets) == len(lines):
                yield packets, file
            else:
                file.replace(file.with_suffix(".damaged"))  # kept, but not loaded again
                yield packets, None

    def keep(self, packets: Iterable[Packet]) -> Path:
        """Write a file that is there as a whole or not at all, and return it. Raises OSError."""
        lines = list(as_lines(packets))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / f"{time.time_ns():020}-{secrets.token_hex(4)}.jsonl"
        draft = file.with_suffix(".new")
        draft.touch(0o600, exist_ok=False)  # for no one else to read
        with draft.open("wb") as out:
            out.writelines(lines)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
        return file


def as_lines(packets: Iterable[Packet]) -> Iterator[bytes]:
    for packet in packets:
        try:
            yield encode(packet) + b"\n"
        except MuError as error:
            log.error("a message is lost, since it cannot be written: %r: %s", error, shortened(packet["pattern"]))


def readable(lines: Iterable[bytes], file: Path) -> Iterator[Packet]:
    for number, line in enumerate(lines, 1):
        try:
            packet: Packet = decode(line)
            if not is_request(packet):
                raise BadFrame("expected a request, found an answer")
        except BadFrame as error:
            log.error("%s, line %d: no message can be read there: %s", file, number, error)
        else:
            yield packet


def shortened(message: object) -> str:
    text = repr(message)
    return text if len(text) <= 500 else f"{text[:500]}... ({len(text):,} characters)"
