"""fuge.yml: a System that can be run, or an error with a line for each fault, which says where it is."""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fuzz.target import Check, Misbehaved, Target

from fuge.errors import ConfigError
from fuge.plan import config
from fuge.plan import ports as port_plan
from fuge.plan.discovery import environment
from fuge.plan.places import Document
from fuge.plan.system import System
from fuge.plan.zone import zones
from workbook.course import ROOT

FAULT = re.compile(r"(fuge\.yml|[^:]*\.env):\d+(:\d+)?( [^\n]*)?: expected [^\n]+, found [^\n]+")
SURROUNDINGS = {"NAME": "value", "EMPTY": ""}
EVERYTHING = rb"""
fuge_global: {dns_enabled: true, dns_namespace: micro, dns_suffix: svc.cluster.local, auto_port_start: 20000,
  traces_enabled: true, traces_port: 4318,
  dns_external: [db.example.com IN A 10.0.0.5, x.micro.svc.cluster.local IN CNAME web.micro.svc.cluster.local]}
base: &base
  type: process
  run: python "main.py" $$HOME ${NAME:-x}
  environment: {A: 1, B: "two\n", C: ${EMPTY-}}
web:
  <<: *base
  ports: {http: 8080, admin: auto}
  depends_on: {store: ready, base: started}
  readiness: {http: /health, port: http, interval: 0.5, timeout: 3}
  restart: on-failure
  terminate: SIGINT
  group: front
  replicas: 2
store: {type: container, image: 'mongo:8', ports: [main=27017:27017], args: [--quiet], volumes: [data:/data/db]}
job:
  <<: [*base]
  environment: [A=1, 'B=two=2']
  env_file: more.env
  readiness: {log: "^ready [0-9]+$"}
  monitor_excludes:
    - '**/*.log'
  delay_start: 1.5
  run: >-
    sh -c 'echo
    done'
"""
SEEDS = [EVERYTHING, *(path.read_bytes() for path in sorted(ROOT.glob("steps/*/fuge/fuge.yml")))]
SEEDS += [path.read_bytes() for path in sorted(ROOT.glob("examples/*/fuge.yml"))]
KEYS = sorted({key for seed in SEEDS for key in re.findall(rb"[a-z_]+:", seed)})
WORDS = (
    *KEYS,
    *(
        b"\n",
        b"\n  ",
        b"\n    ",
        b"- ",
        b": ",
        b"? ",
        b"# ",
        b"{",
        b"}",
        b"[",
        b"]",
        b", ",
        b"'",
        b'"',
        b"|\n",
        b">-\n",
    ),
    *(b"&a ", b"*a", b"*base", b"<<: ", b"<<: [*a, *a]", b"&a [*a, *a]", b"!!str ", b"!tag ", b"!%0A ", b"%YAML 1.1\n"),
    *(
        b"---\n",
        b"...\n",
        b"\t",
        b"\r",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xe2\x80\xa8",
        b"\x85",
        b"\0",
        b"\x1b",
    ),
    *(b'"\\0"', b'"\\ud800"', b'"\\e[2J"', b'"\\x85"', b"${", b"${NAME}", b"${NONE}", b"${A:-", b"$$", b"~", b"null"),
    *(b"true", b"yes", b"-1", b"0", b"1e999", b".nan", b"-.inf", b"9" * 300, b"0x" + b"f" * 60, b"0o777", b"1:1"),
    *(b"auto", b"main=auto", b"main=80:80", b"65536", b"localhost", b"::1", b"fe80::1%lo", b"a..b", b"0.0.0.0", b"*"),
    *(b"/", b"..", b"/dev/null", b"more.env", b"(?", b"(a*)*b", b"all", b"dns", b"service", b"SIGKILL", b"container"),
)


def check_plan(document: Document, system: System) -> None:
    """All that is made of it before something runs."""
    for each in system.everything.values():
        for name, value in environment(system, each).items():
            os.fsencode(f"{name}={value}")
            if "\0" in value:
                raise Misbehaved(f"{each.name}: no process can have {name}={value!r} in its environment")
    if system.dns_enabled:
        zones(system)
    if len(system.select(["*"])) < len(system.services):
        raise Misbehaved(f"a service that cannot be chosen: {system.select(['*'])}")


def check_error(error: ConfigError) -> None:
    text = str(error)
    for line in text.split("\n"):
        if not FAULT.fullmatch(line):
            raise Misbehaved(f"expected file:line:column KEY: expected ..., found ...; found {line!r}")
        if not line.isprintable():
            raise Misbehaved(f"expected what a terminal can show, found {line!r}")


def is_free(host: str, port: int) -> bool:
    """While fuzzing, no port is taken and no name is looked up, as that would be in a network beyond this machine."""
    return True


@contextlib.contextmanager
def loading(look: Callable[[Document, System], None]) -> Iterator[Check]:
    """`look` is at what can be loaded."""
    here, asked = Path.cwd(), port_plan.is_free
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        port_plan.is_free = is_free
        Path("more.env").write_text('ONE=1\nTWO="t w o"\n', encoding="utf-8")
        file = Path("fuge.yml")

        def check(data: bytes) -> None:
            file.write_bytes(data)
            try:
                look(*config.read(file, SURROUNDINGS))
            except ConfigError as error:
                check_error(error)

        try:
            yield check
        finally:
            port_plan.is_free = asked
            os.chdir(here)


TARGETS = (Target("fuge.yml", SEEDS, WORDS, partial(loading, check_plan)),)
