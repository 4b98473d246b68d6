"""Run in a network of its own: inside.py FOLDER NAME...  Starts BIND, prints what each name resolves to as JSON.

The folder holds named.conf, its zones, and resolv.conf, which has become /etc/resolv.conf here.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from random import Random
from typing import Any

from concordant import ConcordantError, resolve


def main(folder: str, *names: str) -> dict[str, Any]:
    run = ["named", "-g", "-4", "-n", "1", "-c", "named.conf"]
    with subprocess.Popen(run, cwd=folder, stderr=subprocess.PIPE, text=True) as named:
        try:
            assert named.stderr
            said = []
            for line in named.stderr:
                said.append(line)
                if line.endswith("running\n"):
                    return asyncio.run(all_of(names))
            sys.exit("".join(said))
        finally:
            named.terminate()


async def all_of(names: Iterable[str]) -> dict[str, Any]:
    return {name: await found(name) for name in names}


async def found(name: str) -> list[Any]:
    """Its endpoints, or the error's class and text."""
    try:
        return [asdict(endpoint) for endpoint in await resolve(name, random=Random(1))]
    except ConcordantError as error:
        return [type(error).__name__, str(error)]


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
