"""The same with atheris, which keeps inputs that reach new code and goes on from them: python -m fuzz.guided TARGET ...

It has a process of its own, in which it rewrites the code of the parsers when that is imported, so as to see where an
input gets to.
"""

import os
import sys
from pathlib import Path
from random import Random
from typing import Any

from fuzz.campaign import DONE, FOUND, Campaign
from fuzz.mutating import LONGEST, mutated
from fuzz.target import Target

SEEN = ["mu", "fuge", "concordant", "dnslib", "dns", "ruamel"]  # packages


def main(name: str, folder: Path, seconds: float) -> None:
    """Ends the process, with FOUND or DONE."""
    import atheris

    with atheris.instrument_imports(include=SEEN):
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    seeds = folder / "seeds" / name
    seeds.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds):
        (seeds / str(number)).write_bytes(data)
    dictionary = folder / f"{name}.words"
    dictionary.write_text("".join(f'"{escaped(word)}"\n' for word in target.words if word), encoding="ascii")
    corpus = folder / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    with target.opened() as check:
        campaign = Campaign(target, folder / "found", seconds)
        options = [f"-dict={dictionary}", f"-max_len={LONGEST}", "-timeout=0", "-rss_limit_mb=0", "-verbosity=0"]
        words = ["fuzz", *options, str(corpus), str(seeds)]
        atheris.Setup(words, until_over(campaign, check), **own_changes(target))
        atheris.Fuzz()


def own_changes(target: Target) -> dict[str, Any]:
    """For a target that has some: else atheris' own, of bytes, are better."""

    def change(data: bytes, longest: int, seed: int) -> bytes:
        return mutated(Random(seed), target, data)[:longest]

    return {"custom_mutator": change} if target.change else {}


def until_over(campaign: Campaign, check: Any) -> Any:
    def attempt(data: bytes) -> None:
        campaign.attempt(check, data)
        if campaign.over:
            print(campaign, flush=True)
            os._exit(FOUND if campaign.findings else DONE)

    return attempt


def escaped(word: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
