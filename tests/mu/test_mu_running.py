"""The event loops that mu makes, with uvloop and without."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("hidden", [True, False], ids=["without uvloop", "with uvloop"])
def test_new_event_loop_is_of_uvloop_if_that_is_installed(hidden: bool) -> None:
    pytest.importorskip("uvloop")
    code = f"""
import sys
if {hidden}:
    sys.modules["uvloop"] = None
from mu import new_event_loop
loop = new_event_loop()
print(type(loop).__module__.partition(".")[0])
loop.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ("asyncio" if hidden else "uvloop")
