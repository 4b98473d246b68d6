"""In which layer benchmarks/layers.py sees a process at work."""

from pathlib import Path
from types import ModuleType

import pytest
from helpers import load_benchmark

PACKAGES = "/env/lib/python3.11/site-packages"
OWN = "service (/steps/webapp/main.py:3)"
AIOHTTP = f"handle ({PACKAGES}/aiohttp/web.py:7)"
OUTBOX = "post (/src/mu/adapters/outbox.py:9)"
LIBRARY = "dumps (/usr/lib/python3.11/random.py:1)"


@pytest.fixture(scope="module")
def layers() -> ModuleType:
    return load_benchmark("layers.py")


@pytest.mark.parametrize(
    ("stack", "layer"),
    [
        ([AIOHTTP, OWN], "the step's own code"),
        ([OWN, AIOHTTP], "aiohttp"),
        ([OWN, OUTBOX, LIBRARY], "mu adapters outbox"),
        ([OWN, "find (/src/mu/patterns.py:80)"], "mu patterns"),
        ([OWN, "root (/steps/webapp/views/add.html:2)"], "templates"),
        ([LIBRARY], "event loop and system"),
    ],
)
def test_layer_is_the_innermost_that_is_at_work(layers: ModuleType, stack: list[str], layer: str) -> None:
    assert layers.layer(";".join(stack), Path("/steps/webapp")) == layer


def test_own_code_is_no_layer_where_nobody_asked(layers: ModuleType) -> None:
    assert layers.layer(OWN, None) == "event loop and system"
