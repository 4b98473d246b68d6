"""BIND, a DNS server that much of the internet runs on, with the named.conf of a folder."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def bind(folder: str) -> Iterator[None]:
    """It answers from then on, until the end of the block."""
    run = ["named", "-g", "-4", "-n", "1", "-c", "named.conf"]
    with subprocess.Popen(run, cwd=folder, stderr=subprocess.PIPE, text=True) as named:
        try:
            assert named.stderr
            said = []
            for line in named.stderr:
                said.append(line)
                if line.endswith("running\n"):
                    break
            else:
                sys.exit("".join(said))
            yield
        finally:
            named.terminate()
