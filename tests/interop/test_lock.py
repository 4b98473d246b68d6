"""What npm installs for these tests."""

import json

from interop.node import PROGRAMS

WANTED = {"mu": "2.0.5", "mu-tcp": "1.0.4", "bloomrun": "3.0.6"}


def test_the_lock_of_node_is_hashed_and_names_no_address() -> None:
    packages = json.loads((PROGRAMS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    root = packages.pop("")
    assert root["dependencies"] == WANTED
    assert {name: packages[f"node_modules/{name}"]["version"] for name in WANTED} == WANTED
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
