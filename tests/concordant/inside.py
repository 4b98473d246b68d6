"""Run in a network of its own: inside.py FOLDER NAME...  Starts BIND, prints what each name resolves to as JSON.

The folder holds named.conf, its zones, and resolv.conf, which has become /etc/resolv.conf here.
"""

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from concordant import ConcordantError, resolve

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bind import bind


def main(folder: str, *names: str) -> dict[str, Any]:
    with bind(folder):
        return asyncio.run(all_of(names))


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
