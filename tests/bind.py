"""BIND, a DNS server that much of the internet runs on, with the named.conf of a folder."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

NAMED_CONF = """
options {
    directory "."; pid-file none; session-keyfile none; recursion no;
    listen-on port 53 { 127.0.0.1; }; listen-on-v6 { none; };
};
controls { };
zone "cluster.local" { type primary; file "zone"; };
"""
"""For one zone, of the folder's file `zone`."""


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
