"""Start this step: python run.py, then Ctrl-C to stop it. The same as: fuge -f fuge/fuge.yml up"""

import runpy
import sys
from pathlib import Path

sys.argv = ["fuge", "-f", str(Path(__file__).parent / "fuge" / "fuge.yml"), "up", *sys.argv[1:]]
runpy.run_module("fuge", run_name="__main__", alter_sys=True)
