"""Within mu, arrows point one way; what is not used is not loaded, and what is missing is named."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import imported

import mu
from workbook.course import ROOT

MU = ROOT / "src" / "mu"
MODULES = sorted(MU.rglob("*.py"))
BELOW = {
    "patterns",
    "codec",
    "frames",
    "packet",
    "errors",
    "transport",
    "tables",
    "cancelling",
    "deadlines",
}  # what a transport may know
OUTSIDE = {
    "msgspec": {"codec.py"},
    "uvloop": {"running.py"},
    "opentelemetry": {"metrics.py", "observing.py", "spans.py"},
}
TRANSPORT_OF = {"aiohttp": "http", "redis": "redis", "aio_pika": "rabbitmq", "aiokafka": "kafka"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(MU).as_posix())
def test_transports_and_adapters_know_only_what_is_below_them(path: Path) -> None:
    names = [name.split(".") for name in imported(path)]
    assert not {name[0] for name in names} & {"fuge", "workbook"}
    room = path.relative_to(MU).parts[0]
    ours = {name[1] for name in names if name[0] == "mu" and len(name) > 1}
    if room in ("transports", "adapters"):
        assert ours <= BELOW | {room}
    elif path.stem in BELOW:
        assert ours <= BELOW


def test_packages_from_outside_are_imported_where_it_is_said() -> None:
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for package in {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"mu"}:
            if package in TRANSPORT_OF:
                assert path.is_relative_to(MU / "transports" / TRANSPORT_OF[package])
            elif package == "concordant":
                assert path.relative_to(MU).as_posix().startswith("adapters/dns")
            else:
                found.setdefault(package, set()).add(path.relative_to(MU).as_posix())
    assert found == OUTSIDE


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_of_mu_loads_no_transport_and_no_package() -> None:
    heavy = "{'aiohttp', 'uvloop', 'mu.transports', 'mu.adapters', 'redis'}"
    assert run(f"import sys, mu; print(*sorted({heavy} & set(sys.modules)))") == ""
    assert run(f"import sys; from mu import Mu, tcp; print(*sorted({heavy} & set(sys.modules)))") == "mu.transports"


def test_without_the_optional_packages_it_works() -> None:
    block = "import sys; sys.modules.update(dict.fromkeys(['aiohttp', 'msgspec', 'uvloop']))"
    code = f"""{block}
import asyncio
from mu import Mu, run, tcp, codec

async def main():
    server, adder, caller = tcp.server(), Mu(), Mu()
    adder.define({{"cmd": "add"}}, lambda args: args["first"] + args["second"])
    adder.inbound("*", server)
    async with adder, caller:
        caller.outbound("*", tcp.client(port=server.port))
        print(codec.fast_encode, await caller.dispatch({{"cmd": "add", "first": 10**30, "second": 1}}))

run(main())
"""
    assert run(code) == f"None {10**30 + 1}"


@pytest.mark.parametrize(("package", "transport"), TRANSPORT_OF.items())
def test_a_missing_package_is_named_with_its_extra(package: str, transport: str) -> None:
    code = f"import sys; sys.modules['{package}'] = None\nfrom mu import {transport}\ntry: {transport}.client\n"
    said = run(code + "except ImportError as error: print(error)")
    assert package in said
    assert f"microservices-workbook[{transport}]" in said


def test_every_public_name_says_what_it_is() -> None:
    for name in mu.__all__:
        thing = getattr(mu, name)
        assert inspect.getdoc(thing) or not (inspect.isclass(thing) or inspect.isfunction(thing)), name
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                public = not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
                assert not public or inspect.getdoc(getattr(thing, member)), f"{name}.{member}"
