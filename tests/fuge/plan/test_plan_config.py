"""From the text of a fuge.yml to a System: every key, and every fault with its place."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fuge.errors import ConfigError
from fuge.plan import config, location
from fuge.plan.schema import Entry, Settings
from fuge.plan.system import Port, Readiness, Service, System

Load = Callable[..., System]
Faults = Callable[..., list[str]]

EVERYTHING = """
fuge_global:
  run_containers: false
  container_engine_url: unix:///run/docker.sock
  host: localhost
  tail: false
  monitor: false
  monitor_excludes: ["**/*.log"]
  monitor_polling: true
  dns_enabled: true
  dns_host: 0.0.0.0
  dns_port: 5353
  dns_namespace: micro
  dns_suffix: svc.cluster.local
  dns_external: ["x IN A 1.2.3.4"]
  traces_enabled: true
  traces_port: 4319
  auto_generate_environment: false
  auto_port_start: 12000
  environment: [G=1]
  env_file: []
  delay_start: 0.5
  restart: on-failure
  restart_delay: 2
  max_restarts: 9
  group: team
  terminate: INT
  grace_period: 1.5
a:
  type: process
  path: folder/../a
  run: python service.py
  test: pytest -q
  repository_url: https://example.org/a.git
  replicas: 3
b:
  type: container
  image: mongo:8
  args: --port 27017 --name 'a b'
  volumes: ["./data:/data/db"]
  keep: true
  ports: {main: "27017", more: "9000:90"}
  host: 127.0.0.2
  tail: true
  monitor: true
  monitor_excludes: []
  auto_generate_environment: true
  environment: {A: 1, B: true, C: 1.50, D: "", E: "x y"}
  depends_on: {a: completed}
  readiness: {http: /health, port: more, interval: 1, timeout: 60}
  delay_start: 0
  restart: always
  restart_delay: 0
  max_restarts: 0
  group: stores
  terminate: SIGTERM
  grace_period: 10
  enabled: false
"""


def test_every_key_arrives(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    system = load(EVERYTHING)
    a = Service(
        name="a",
        group="team",
        path=tmp_path / "a",
        run="python service.py",
        test="pytest -q",
        repository_url="https://example.org/a.git",
        replicas=3,
        host="localhost",
        environment={"G": "1"},
        auto_generate_environment=False,
        restart="on-failure",
        restart_delay=2,
        max_restarts=9,
        terminate=signal.SIGINT,
        grace_period=1.5,
        delay_start=0.5,
        tail=False,
        monitor=False,
        monitor_excludes=("**/*.log",),
    )
    b = Service(
        name="b",
        type="container",
        group="stores",
        enabled=False,
        image="mongo:8",
        args=("--port", "27017", "--name", "a b"),
        volumes=("./data:/data/db",),
        keep=True,
        host="127.0.0.2",
        ports=(Port("main", 27017), Port("more", 9000, 90)),
        environment={"G": "1", "A": "1", "B": "true", "C": "1.50", "D": "", "E": "x y"},
        depends_on={"a": "completed"},
        readiness=Readiness("http", "/health", "more", 1, 60),
        restart="always",
        restart_delay=0,
        max_restarts=0,
        grace_period=10,
        tail=True,
        monitor=False,
    )
    assert system == System(
        file=tmp_path / "fuge.yml",
        services={"a": a, "b": b},
        run_containers=False,
        container_engine_url="unix:///run/docker.sock",
        monitor_polling=True,
        dns_enabled=True,
        dns_host="0.0.0.0",  # noqa: S104
        dns_port=5353,
        dns_namespace="micro",
        dns_suffix="svc.cluster.local",
        dns_external=("x IN A 1.2.3.4",),
        traces_enabled=True,
        traces_port=4319,
    )


def test_everything_holds_every_key() -> None:
    said = {line.split(":")[0].strip() for line in EVERYTHING.splitlines()}
    assert {*Entry.model_fields, *Settings.model_fields} - said == {"restart_on_error", "command"}


def test_what_is_not_said_has_the_defaults_of_the_nouns(load: Load, tmp_path: Path) -> None:
    system = load("a: {type: process, run: x}\nb: {type: container, image: y}\n")
    assert system == System(
        tmp_path / "fuge.yml",
        {
            "a": Service("a", path=tmp_path, run="x"),
            "b": Service("b", "container", image="y", monitor=False),
        },
    )


def test_defaults_of_the_models_are_those_of_the_nouns(load: Load) -> None:
    system = load("a: {type: process, run: x}\n")
    defaults = Entry(type="process", run="x")
    same = Entry.model_fields.keys() - {"environment", "env_file", "restart_on_error"}
    same -= {"path", "ports", "depends_on", "readiness", "command"}
    assert {key: getattr(system.services["a"], key) for key in same} == {key: getattr(defaults, key) for key in same}


def test_services_have_the_files_order(load: Load) -> None:
    names = ["zebra", "B", "a_1", "c-2"]
    assert [*load("".join(f"{name}: {{type: process, run: x}}\n" for name in names)).services] == names


@pytest.mark.parametrize(
    ("shared", "own", "policy"),
    [
        ("", "", "never"),
        ("restart: always", "", "always"),
        ("restart_on_error: true", "", "on-failure"),
        ("restart_on_error: true", "restart: never", "never"),
        ("restart: always", "restart_on_error: true", "on-failure"),
        ("restart: always", "restart_on_error: false", "never"),
        ("restart: always", "restart: on-failure", "on-failure"),
    ],
)
def test_restart_of_a_service_replaces_the_global_one(load: Load, shared: str, own: str, policy: str) -> None:
    system = load(f"fuge_global: {{{shared}}}\na:\n  type: process\n  run: x\n  {own}\n")
    assert system.services["a"].restart == policy


@pytest.mark.parametrize("written", ["SIGUSR1", "USR1"])
def test_signal_is_known_with_and_without_its_prefix(load: Load, written: str) -> None:
    assert load(f"a: {{type: process, run: x, terminate: {written}}}\n").services["a"].terminate == signal.SIGUSR1


@pytest.mark.parametrize("key", ["args", "command"])
@pytest.mark.parametrize(
    ("written", "args"),
    [("-x 'a b' \"\"", ("-x", "a b", "")), ("[-x, a b, '']", ("-x", "a b", "")), ("''", ()), ("[]", ())],
)
def test_args_are_a_command_line_or_a_list(load: Load, key: str, written: str, args: tuple[str, ...]) -> None:
    assert load(f"a:\n  type: container\n  image: x\n  {key}: {written}\n").services["a"].args == args


@pytest.mark.parametrize("volume", ["/data", "store:/data/db", "./data:/data/db", "/srv/x:/data:ro", "a b:/data:rw"])
def test_volumes_are_names_or_folders_and_where_the_container_has_them(load: Load, volume: str) -> None:
    assert load(f"a:\n  type: container\n  image: x\n  volumes: ['{volume}']\n").services["a"].volumes == (volume,)


def test_environment_keeps_what_is_after_the_first_equals_sign(load: Load) -> None:
    service = load("a: {type: process, run: x, environment: [A=b=c, B=, 'C= d', 'D=1\n\n2']}\n").services["a"]
    assert service.environment == {"A": "b=c", "B": "", "C": " d", "D": "1\n2"}


def test_folder_that_is_not_there_is_a_problem_of_the_service(load: Load, tmp_path: Path) -> None:
    system = load("a: {type: process, run: x, path: ../gone}\nb: {type: process, run: x, path: fuge.yml}\n")
    gone = tmp_path.parent / "gone"
    assert (system.services["a"].path, system.services["a"].problem) == (gone, f"the folder {gone} does not exist")
    assert system.services["b"].problem == f"{tmp_path}/fuge.yml is not a folder"


A_NAME = "a name of letters, digits, _ and -, other than all"
ASSIGNMENTS = "a list of NAME=VALUE or a mapping of names to values"
VARIABLE = "a name of letters, digits and _, not beginning with a digit"
SCALAR = "text, a number, true or false ('' for an empty text)"
A_SIGNAL = "a signal such as SIGTERM or SIGINT"
SECONDS = "a number of seconds, 0 or more"
A_VOLUME = "NAME:/PATH or ./FOLDER:/PATH, where /PATH is one in the container, and perhaps :ro after it"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("moniter: true", "5:3 a.moniter: expected a known key, found 'moniter'; did you mean 'monitor'?"),
        ("env-file: x", "5:3 a.env-file: expected a known key, found 'env-file'; did you mean 'env_file'?"),
        ("Tail: true", "5:3 a.Tail: expected a known key, found 'Tail'; did you mean 'tail'?"),
        ("zzz: 1", "5:3 a.zzz: expected a known key, found 'zzz'"),
        ("8: 1", "5:3 a.8: expected a known key, found '8'"),
        ("dns_host: x", "5:3 a.dns_host: expected a known key, found 'dns_host'; it belongs in fuge_global"),
        ("image: x", "5:3 a.image: expected a key of a process, found 'image'; it belongs to a container"),
        ("args: x", "5:3 a.args: expected a key of a process, found 'args'; it belongs to a container"),
        ("tail: 'true'", "5:9 a.tail: expected true or false, found 'true'; write it without quotes"),
        ("tail: yes", "5:9 a.tail: expected true or false, found 'yes'; write true"),
        ("monitor: Off", "5:12 a.monitor: expected true or false, found 'Off'; write false"),
        ("enabled: 1", "5:12 a.enabled: expected true or false, found 1"),
        ("tail:", "5:3 a.tail: expected true or false, found nothing"),
        ("tail: ~", "5:9 a.tail: expected true or false, found nothing"),
        ("tail: [true]", "5:9 a.tail: expected true or false, found a list"),
        ("max_restarts: true", "5:17 a.max_restarts: expected a whole number, 0 or more, found true"),
        ("max_restarts: 1.0", "5:17 a.max_restarts: expected a whole number, 0 or more, found 1.0"),
        ("max_restarts: -0x1", "5:17 a.max_restarts: expected a whole number, 0 or more, found '-0x1'"),
        ("max_restarts: -1", "5:17 a.max_restarts: expected a whole number, 0 or more, found -1"),
        ("max_restarts: '5'", "5:17 a.max_restarts: expected a whole number, 0 or more, found '5'; "
         "write it without quotes"),
        ("delay_start: 5s", f"5:16 a.delay_start: expected {SECONDS}, found '5s'"),
        ("delay_start: true", f"5:16 a.delay_start: expected {SECONDS}, found true"),
        ("grace_period: .inf", f"5:17 a.grace_period: expected {SECONDS}, found .inf"),
        ("restart_delay: .nan", f"5:18 a.restart_delay: expected {SECONDS}, found .nan"),
        ("restart_delay: -0.5", f"5:18 a.restart_delay: expected {SECONDS}, found -0.5"),
        ("restart: on_failure", "5:12 a.restart: expected never, on-failure or always, found 'on_failure'; "
         "did you mean 'on-failure'?"),
        ("restart: true", "5:12 a.restart: expected never, on-failure or always, found true"),
        ("restart: always\nrestart_on_error: true", "6:3 a.restart_on_error: expected restart or restart_on_error, "
         "found both"),
        ("terminate: SIGTREM", f"5:14 a.terminate: expected {A_SIGNAL}, found 'SIGTREM'; did you mean 'SIGTERM'?"),
        ("terminate: sigint", f"5:14 a.terminate: expected {A_SIGNAL}, found 'sigint'; did you mean 'SIGINT'?"),
        ("terminate: 15", f"5:14 a.terminate: expected {A_SIGNAL}, found 15"),
        ("group: all", f"5:10 a.group: expected {A_NAME}, found 'all'"),
        ("group: a b", f"5:10 a.group: expected {A_NAME}, found 'a b'"),
        ("group: 7", f"5:10 a.group: expected {A_NAME}, found 7"),
        ("host: a b", "5:9 a.host: expected a host name or an address, found 'a b'"),
        ("host: '[::1]'", "5:9 a.host: expected a host name or an address, found '[::1]'"),
        ("host: localhost:80", "5:9 a.host: expected a host name or an address, found 'localhost:80'"),
        ("host: http://x", "5:9 a.host: expected a host name or an address, found 'http://x'"),
        ("host: ''", "5:9 a.host: expected a host name or an address, found ''"),
        ("path: ''", "5:9 a.path: expected text, found ''"),
        ("path: 7", "5:9 a.path: expected text, found 7; write it in quotes"),
        ("test: \"py 'x\"", "5:9 a.test: expected a command line, its quotes in pairs, found \"py 'x\""),
        ("test: ' '", "5:9 a.test: expected a command line, its quotes in pairs, found ' '"),
        ("test: [pytest]", "5:9 a.test: expected a command line, its quotes in pairs, found a list"),
        ("monitor_excludes: x", "5:21 a.monitor_excludes: expected a list of texts, found 'x'"),
        ("monitor_excludes: {x: y}", "5:21 a.monitor_excludes: expected a list of texts, found a mapping"),
        ("monitor_excludes:\n- x\n- 1.50", "7:5 a.monitor_excludes[1]: expected text, found 1.50; write it in quotes"),
        ("monitor_excludes: [x, ]\nmonitor: 0x1", "6:12 a.monitor: expected true or false, found 0x1"),
        ("env_file: 1", "5:13 a.env_file: expected a file, or a list of files, found 1"),
        ("env_file: [[x]]", "5:14 a.env_file[0]: expected text, found a list"),
        ("environment: FOO", f"5:16 a.environment: expected {ASSIGNMENTS}, found 'FOO'"),
        ("environment: FOO=1", f"5:16 a.environment: expected {ASSIGNMENTS}, found 'FOO=1'"),
        ("environment:\n- A=1\n- FOO", "7:5 a.environment[1]: expected NAME=VALUE, found 'FOO'"),
        ("environment:\n- FOO: 1.50", "6:5 a.environment[0]: expected NAME=VALUE, found a mapping; write FOO=1.50"),
        ("environment: [A-B=1]", "5:17 a.environment[0]: expected NAME=VALUE, found 'A-B=1'"),
        ("environment: {1A: x}", f"5:17 a.environment.1A: expected {VARIABLE}, found '1A'"),
        ("environment:\n  A:\n  B: x", f"6:5 a.environment.A: expected {SCALAR}, found nothing"),
        ("environment: {A: [1]}", f"5:20 a.environment.A: expected {SCALAR}, found a list"),
    ],
)  # fmt: skip
def test_fault_of_a_service_has_its_place(service_faults: Callable[[str], list[str]], lines: str, fault: str) -> None:
    assert service_faults(lines) == [f"fuge.yml:{fault}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n", ["1:1 a: expected a mapping of settings, found nothing"]),
        ("a: python x.py\n", ["1:4 a: expected a mapping of settings, found 'python x.py'"]),
        ("include: [x.yml]\n", ["1:10 include: expected a mapping of settings, found a list"]),
        ("fuge_global:\na: {type: process, run: x}\n",
         ["1:1 fuge_global: expected a mapping of settings, found nothing"]),
        ("fuge-global: {tail: true}\na: {type: process, run: x}\n",
         ["1:1 fuge-global: expected a service, or fuge_global, found 'fuge-global'; did you mean 'fuge_global'?"]),
        ("a: {}\n", ["1:1 a.type: expected process or container, found no such key"]),
        ("a: {type: node, run: x}\n", ["1:11 a.type: expected process or container, found 'node'; write 'process'"]),
        ("a: {type: proces, run: x}\n",
         ["1:11 a.type: expected process or container, found 'proces'; did you mean 'process'?"]),
        ("a: {type: 1}\n", ["1:11 a.type: expected process or container, found 1"]),
        ("\na:\n  type: process\n", ["2:1 a.run: expected a command line, found no such key"]),
        ("a: {type: container}\n", ["1:1 a.image: expected the name of an image, found no such key"]),
        ("a: {type: process, run: \"py 'x\"}\n",
         ["1:25 a.run: expected a command line, its quotes in pairs, found \"py 'x\""]),
        ("a:\n  type: container\n  image: x\n  path: .\n  run: x\n  test: x\n  repository_url: x\n",
         [f"{line}:3 a.{key}: expected a key of a container, found '{key}'; it belongs to a process"
          for line, key in enumerate(("path", "run", "test", "repository_url"), 4)]),
        ("a:\n  type: container\n  image: x\n  args: \"x 'y\"\n  volumes: x\n",
         ["4:9 a.args: expected a text with its quotes in pairs, or a list of texts, found \"x 'y\"",
          "5:12 a.volumes: expected a list of texts, found 'x'"]),
        ("a:\n  type: container\n  image: x\n  volumes: [x, 'x:y', '/x:/y:z']\n  args: []\n  command: []\n",
         [*(f"4:{column} a.volumes[{number}]: expected {A_VOLUME}, found '{found}'"
            for number, (column, found) in enumerate([(13, "x"), (16, "x:y"), (23, "/x:/y:z")])),
          "6:3 a.command: expected args or command, found both"]),
        ("a: {type: container, image: 'x y'}\n",
         ["1:29 a.image: expected the name of an image, such as mongo or mongo:8, found 'x y'"]),
        ("a: {type: process, run: x, keep: true}\n",
         ["1:28 a.keep: expected a key of a process, found 'keep'; it belongs to a container"]),
        ("a: {type: container, image: 8}\n", ["1:29 a.image: expected text, found 8; write it in quotes"]),
        ("fuge_global:\n  tial: true\n  run: x\n  dns_port: 70000\n  auto_port_start: '1'\n  dns_suffix: a b\n"
         "  dns_external: x\n  run_containers: no\n  dns_host: 1\na: {type: process, run: x}\n",
         ["2:3 fuge_global.tial: expected a known key, found 'tial'; did you mean 'tail'?",
          "3:3 fuge_global.run: expected a known key, found 'run'; it belongs in a service",
          "4:13 fuge_global.dns_port: expected a port from 1 to 65535, found 70000",
          "5:20 fuge_global.auto_port_start: expected a port from 1 to 65535, found '1'; write it without quotes",
          "6:15 fuge_global.dns_suffix: expected a domain such as svc.cluster.local, or '', found 'a b'",
          "7:17 fuge_global.dns_external: expected a list of texts, found 'x'",
          "8:19 fuge_global.run_containers: expected true or false, found 'no'; write false",
          "9:13 fuge_global.dns_host: expected a host name or an address, found 1"]),
        ("fuge_global: {traces_enabled: on, traces_port: 0}\na: {type: process, run: x}\n",
         ["1:31 fuge_global.traces_enabled: expected true or false, found 'on'; write true",
          "1:48 fuge_global.traces_port: expected a port from 1 to 65535, found 0"]),
        ("a: {type: process, run: x, traces_port: 1}\n",
         ["1:28 a.traces_port: expected a known key, found 'traces_port'; it belongs in fuge_global"]),
    ],
)  # fmt: skip
def test_faults_of_sections_have_their_places(faults: Faults, text: str, expected: list[str]) -> None:
    assert faults(text) == [f"fuge.yml:{fault}" for fault in expected]


def test_all_faults_are_said_at_once_in_the_files_order(faults: Faults) -> None:
    text = """\
    webapp:
      type: process
      depends_on: [adder_srvice]
      tail: "no"
      ports: [http=3000]
    fuge_global:
      unknown: 1
      tail: ${NOT_SET}
    adder_service:
      type: process
      run: python service.py
      env_file: gone.env
      ports:
        - main=3000
        - main=3001
      moniter: true
    adder-service:
      type: container
      readiness: {tcp: x}
    """
    assert faults(text) == [
        "fuge.yml:1:1 webapp.run: expected a command line, found no such key",
        "fuge.yml:3:16 webapp.depends_on[0]: expected a service of this file, found 'adder_srvice'; "
        "did you mean 'adder_service'?",
        "fuge.yml:4:9 webapp.tail: expected true or false, found 'no'; write false",
        "fuge.yml:7:3 fuge_global.unknown: expected a known key, found 'unknown'",
        "fuge.yml:8:9 fuge_global.tail: expected ${NOT_SET} to be set, or a default ${NOT_SET:-...}, found neither",
        "fuge.yml:12:13 adder_service.env_file: expected a file at gone.env, found none",
        "fuge.yml:14:7 adder_service.ports[0]: expected a port of its own, found 3000, "
        "which webapp.ports[0] (fuge.yml:5:11) has already",
        "fuge.yml:15:7 adder_service.ports[1]: expected another name, found 'main' again",
        "fuge.yml:16:3 adder_service.moniter: expected a known key, found 'moniter'; did you mean 'monitor'?",
        "fuge.yml:17:1 adder-service.image: expected the name of an image, found no such key",
        "fuge.yml:17:1 adder-service: expected another name, found 'adder-service', whose variables "
        "ADDER_SERVICE_... are those of 'adder_service' (fuge.yml:9:1) as well",
        "fuge.yml:19:20 adder-service.readiness.tcp: expected one of the service's ports, found 'x'; it has no ports",
    ]


def test_pydantic_says_nothing_itself(faults: Faults) -> None:
    """Every key, given values of every other kind, is refused in our own words or taken."""
    for key in Entry.model_fields:
        for value in ("1", "1.5", "true", "''", "x", "[]", "[1]", "[[x]]", "{}", "{x: 1}", "{x: {y: 1}}", "~"):
            for line in faults(f"a:\n  {key}: {value}\n"):
                assert ": expected " in line, line
                assert not any(word in line.lower() for word in ("input", "should", "valid", "pydantic")), line


def test_file_that_is_cut_off_anywhere_is_taken_or_refused_in_our_form(faults: Faults) -> None:
    for end in range(0, len(EVERYTHING), 7):
        for line in faults(EVERYTHING[:end]):
            assert re.fullmatch(r"fuge\.yml:\d+:\d+( [\w.\[\]]+)?: expected .+, found .+", line), line


def test_find_takes_the_nearest_file_in_or_above_a_folder(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    (tmp_path / "fuge").mkdir()
    deep.mkdir(parents=True)
    (tmp_path / "fuge" / "fuge.yml").touch()
    assert location.find(deep) == tmp_path / "fuge" / "fuge.yml"
    (tmp_path / "fuge.yml").touch()
    assert location.find(deep) == location.find(tmp_path) == tmp_path / "fuge.yml"
    (deep / "fuge.yml").mkdir()
    assert location.find(deep) == tmp_path / "fuge.yml"
    (deep / "fuge").mkdir()
    (deep / "fuge" / "fuge.yml").touch()
    assert location.find(deep) == deep / "fuge" / "fuge.yml"
    assert location.find(deep / "fuge") == deep / "fuge" / "fuge.yml"


def test_find_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        location.find(tmp_path)
    assert str(caught.value) == (
        f"expected fuge.yml or fuge/fuge.yml in {tmp_path} or a folder above it, found none; name the file to use"
    )


def test_load_knows_the_folder_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "fuge.yml").write_text("a: {type: process, run: x}\n")
    (tmp_path / "link").symlink_to("real")
    system = config.load(tmp_path / "link" / "fuge.yml")
    assert system.file == tmp_path / "real" / "fuge.yml"
    assert system.services["a"].path == tmp_path / "real"


def test_load_looks_up_names_in_the_processs_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fuge.yml").write_text("a: {type: process, run: '${FUGE_TEST_COMMAND}'}\n")
    monkeypatch.setenv("FUGE_TEST_COMMAND", "python x.py")
    assert config.load(tmp_path / "fuge.yml").services["a"].run == "python x.py"


def test_error_names_its_exit_code(load: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load("a: 1\n")
    assert caught.value.exit_code == 2
