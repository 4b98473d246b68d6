"""Start this step: python run.py, then Ctrl-C to stop it."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parent / "adder_service" / "service.py"), run_name="__main__")
