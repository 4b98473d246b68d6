"""A network of its own on this machine, as each container has one, with a resolv.conf like that of a pod."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from helpers import needed

RESOLV_CONF = """
nameserver 127.0.0.1
search micro.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
"""
APART = ["unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"]
SCRIPT = 'ip link set lo up && mount --bind "$1/resolv.conf" /etc/resolv.conf && exec "$2" "$3" "$1" "${@:4}"'


def run_apart(folder: Path, script: Path, *words: str) -> str:
    """What a Python script prints, run there as `script FOLDER WORDS`. Skips the test where that cannot be had.

    The folder holds what BIND, which the script starts, needs; DNS_HOST and its like are not set.
    """
    for program, package in (("named", "bind9"), ("unshare", "util-linux"), ("ip", "iproute2")):
        needed(shutil.which(program), f"{program} (Debian's {package})")
    able = subprocess.run(
        [*APART, "mount", "--bind", "/etc/hosts", "/etc/resolv.conf"], capture_output=True, check=False
    )
    needed(able.returncode == 0, f"the right to make a network of one's own ({able.stderr.decode().strip()})")
    (folder / "resolv.conf").write_text(RESOLV_CONF, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DNS_")}
    command = [*APART, "bash", "-c", SCRIPT, "bash", str(folder), sys.executable, str(script), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout
