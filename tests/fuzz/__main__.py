"""make fuzz FUZZFLAGS="--seconds 1200": the parsers that meet bytes from outside, each for so long.

What is found is in .artifacts/fuzz/found: each input beside a text with the traceback.
"""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path
from time import time_ns

from fuzz.campaign import DONE, FOUND, run
from fuzz.targets import PARSERS, TARGETS

from workbook.course import ROOT

FOLDER = ROOT / ".artifacts" / "fuzz"
PATIENCE = 120  # seconds beyond its time that a process may take to begin and to end


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("fuzz", description=__doc__)
    parser.add_argument("parsers", nargs="*", metavar="PARSER", help=f"of {', '.join(PARSERS)} (default: all)")
    parser.add_argument("--seconds", type=float, default=60, help="for each parser (default: %(default)g)")
    parser.add_argument("--again", type=Path, metavar="FILE", help="try the input of a finding, TARGET-...")
    parser.add_argument("--plain", action="store_true", help="without atheris, even where it is installed")
    options = parser.parse_args(arguments)
    if unknown := set(options.parsers) - set(PARSERS):
        parser.error(f"expected some of {', '.join(PARSERS)}; found {', '.join(sorted(unknown))}")
    if options.again:
        return again(options.again)
    guided = not options.plain and importlib.util.find_spec("atheris") is not None
    print("with atheris, by what code inputs reach" if guided else "by chance alone: atheris is not used", flush=True)
    failed = False
    for name in options.parsers or PARSERS:
        for target in PARSERS[name]:
            seconds = options.seconds / len(PARSERS[name])
            failed |= (guided_run if guided else plain_run)(target.name, seconds)
    return 1 if failed else 0


def plain_run(name: str, seconds: float) -> bool:
    """Whether something was found."""
    campaign = run(TARGETS[name], FOLDER / "found", seconds, seed=time_ns())
    print(campaign, flush=True)
    return bool(campaign.findings)


def guided_run(name: str, seconds: float) -> bool:
    command = [sys.executable, "-m", "fuzz.guided", name, str(FOLDER), str(seconds)]
    log = FOLDER / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        try:
            code = subprocess.run(command, stderr=errors, timeout=seconds + PATIENCE).returncode
        except subprocess.TimeoutExpired:
            code = None
    if code not in (DONE, FOUND):
        print(f"{name}: {'it hangs' if code is None else f'it ended with {code}'}; see {log}", flush=True)
    return code != DONE


def again(file: Path) -> int:
    """The input of a finding, to see whether it still is one."""
    name = next(name for name in TARGETS if file.name.startswith(name))
    with TARGETS[name].opened() as check:
        check(file.read_bytes())
    print("it is taken, or refused as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
