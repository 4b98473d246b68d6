"""Trying inputs for a time: what is found is written down, each thing once."""

import contextlib
import gc
import hashlib
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

import psutil
from fuzz.mutating import mutated
from fuzz.target import Check, Target

SLOWEST = 5.0  # seconds that an input may take
TRIES = 3
WARM = 0.3  # of the time: after it, memory should not grow any more
GROWTH = 64 << 20  # bytes by which it may all the same, for caches
DONE, FOUND = 0, 3  # exit codes of a process that has fuzzed a target
LOOK = 5000  # inputs between two looks at the memory


class Slow(Exception):
    """An input took longer than SLOWEST."""


class Grown(Exception):
    """The process has grown while it tried inputs."""


@dataclass
class Campaign:
    """Inputs for one target, for so many seconds. `findings` has the file of each different thing that was found."""

    target: Target
    folder: Path
    seconds: float
    tried: int = 0
    findings: dict[str, Path] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _usual: int = 0  # bytes of memory, once warm

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def over(self) -> bool:
        return self.elapsed >= self.seconds

    def attempt(self, check: Check, data: bytes) -> None:
        """Try one input; one that takes too long again and again, for the machine may have been busy."""
        self.tried += 1
        for last in [False] * (TRIES - 1) + [True]:
            try:
                with limited(SLOWEST):
                    check(data)
            except Exception as error:
                if isinstance(error, Slow | TimeoutError) and not last:
                    continue
                self.note(data, error)
            break
        if self.tried % LOOK == 0:
            self.look_at_memory(data)

    def note(self, data: bytes, error: Exception) -> None:
        """Keep an input: NAME-DIGEST beside NAME-DIGEST.txt, which has the traceback."""
        kind = where(error)
        if kind in self.findings:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.target.name}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        text = "".join(traceback.format_exception(error))
        path.with_suffix(".txt").write_text(text, encoding="utf-8", errors="backslashreplace")
        self.findings[kind] = path

    def look_at_memory(self, data: bytes) -> None:
        gc.collect()
        used = psutil.Process().memory_info().rss
        if not self._usual and self.elapsed > WARM * self.seconds:
            self._usual = used
        if self._usual and used > self._usual + GROWTH:
            self.note(data, Grown(f"from {self._usual:,} bytes to {used:,}, with {self.tried:,} inputs"))

    def __str__(self) -> str:
        found = "".join(f"\n    {path}: {kind}" for kind, path in self.findings.items()) or " nothing found"
        memory = psutil.Process().memory_info().rss >> 20
        return f"{self.target.name:12} {self.elapsed:6.0f} s {self.tried:10,} inputs {memory:5} MB:{found}"


def where(error: Exception) -> str:
    """By which two findings are told apart: the kind of error, and the last lines of code that it passed."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join([type(error).__name__, *(f"{Path(each.filename).name}:{each.lineno}" for each in frames[::-1])])


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises Slow inside when time is over, where the system has such an alarm."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Slow(f"longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(target: Target, folder: Path, seconds: float, seed: int = 0) -> Campaign:
    """Try all seeds, then mutated ones until time is over."""
    random = Random(seed)
    with target.opened() as check:
        campaign = Campaign(target, folder, seconds)
        for data in target.seeds:
            campaign.attempt(check, data)
        while not campaign.over:
            campaign.attempt(check, mutated(random, target, random.choice(target.seeds)))
    return campaign
