"""Single commands: texts, exit codes, JSON, colours, and what is said when something is wrong."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fuge_project import FUGE, Project, free_ports
from helpers import wait_until

from fuge import load
from fuge.faces import doctor

BAD = """\
adder_service:
  type: process
  path: .
  run: python -c pass
  ports: [main=99999]
  tail: yes
  moniter: true
other:
  type: procces
"""


@pytest.fixture
def system(project: Project) -> Project:
    project.configure_with(project.server("adder_service"), project.server("my-api", "group: apis"))
    return project


def port_of(project: Project, service: str) -> int:
    return load(project.file).services[service].ports[0].number


def test_check_names_all_faults_with_their_place(project: Project) -> None:
    project.configure(BAD)
    done = project.fuge("check")
    assert done.code == 2
    assert done.out == ""
    assert done.err.splitlines() == [
        "fuge.yml:5:11 adder_service.ports[0]: expected NAME=PORT (1 to 65535), NAME=PORT:CONTAINER_PORT "
        "or NAME=auto, found 'main=99999'",
        "fuge.yml:6:9 adder_service.tail: expected true or false, found 'yes'; write true",
        "fuge.yml:7:3 adder_service.moniter: expected a known key, found 'moniter'; did you mean 'monitor'?",
        "fuge.yml:9:9 other.type: expected process or container, found 'procces'; did you mean 'process'?",
    ]


@pytest.mark.parametrize("words", ["up", "up -d", "run adder_service", "shell", "start all", "env adder_service"])
def test_nothing_starts_from_a_bad_file(project: Project, words: str) -> None:
    project.configure(BAD)
    done = project.fuge(*words.split(), give="exit\n")
    if words == "start all":  # it is about what runs, and nothing does
        assert done.code == 1
        assert "nothing runs for" in done.err
        return
    assert done.code == 2
    assert "fuge.yml:7:3 adder_service.moniter" in done.err


def test_check_of_a_good_file(system: Project) -> None:
    assert system.ok("check").out == "fuge.yml: 2 services, nothing wrong\n"
    assert system.ok("check", "--json").json == {"file": str(system.file), "services": ["adder_service", "my-api"]}


def test_environment_follows_kubernetes(system: Project) -> None:
    lines, number = system.ok("env", "my-api").out.splitlines(), port_of(system, "adder_service")
    assert f"ADDER_SERVICE_SERVICE_PORT={number}" in lines
    assert f"ADDER_SERVICE_PORT_{number}_TCP_ADDR=127.0.0.1" in lines
    [port] = [line.partition("=")[2] for line in lines if line.startswith("MY_API_SERVICE_PORT_HTTP=")]
    assert f"SERVICE_PORT={port}" in lines
    assert f"MY_API_SERVICE_PORT={port}" in lines
    assert system.ok("env", "my-api", "--json").json["SERVICE_PORT"] == port


def test_own_port_is_the_first_of_several(project: Project) -> None:
    project.script("my-api", "")
    project.configure_with(project.process("my-api", "ports: [main=18001, admin=18002]"))
    lines = project.ok("env", "my-api").out.splitlines()
    assert "SERVICE_PORT=18001" in lines
    assert "MY_API_SERVICE_PORT_ADMIN=18002" in lines


@pytest.mark.parametrize(
    "words",
    [
        "ps",
        "start all",
        "stop all",
        "restart my-api",
        "info my-api",
        "why my-api",
        "watch all",
        "reload",
        "pid",
        "down",
    ],
)
def test_command_without_an_engine_says_so(system: Project, words: str) -> None:
    done = system.fuge(*words.split())
    assert done.code == 1
    assert done.err == "fuge: nothing runs for fuge.yml: start it with `fuge up` or `fuge shell`\n"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ("", 2, "usage: fuge"),
        ("nosuch", 2, "invalid choice: 'nosuch'"),
        ("ps --nosuch", 2, "unrecognized arguments: --nosuch"),
        ("start", 2, "the following arguments are required: SERVICE"),
        ("env nosuch", 1, "no service or group is called 'nosuch': there are adder_service, my-api, apis, all"),
        ("env adder-service", 1, "did you mean 'adder_service'?"),
        ("run", 2, "the following arguments are required: SERVICE"),
        ("run nosuch", 1, "no service or group is called 'nosuch'"),
        ("-p my-api=0 ps", 2, "expected SERVICE=PORT or SERVICE.NAME=PORT, found 'my-api=0'"),
        ("-p nosuch=1234 check", 2, "expected the name of one of its ports (adder_service.http or my-api.http)"),
        ("up --timeout x", 2, "argument --timeout: invalid float value: 'x'"),
        ("-f nosuch.yml check", 2, "nosuch.yml: expected a file, found none"),
        ("-f . check", 2, "found a folder; write"),
        ("-f my-api ps", 1, "nothing runs for"),
        ("-f my-api/nosuch/fuge.yml ps", 1, "nothing runs for"),
        ("-f my-api/main.py/fuge.yml check", 2, "expected a file"),
        ("completion tcsh", 2, "invalid choice: 'tcsh'"),
        ("logs --since never", 1, "expected a duration such as 90s"),
        ("logs -n x", 2, "expected a whole number, 0 or more, found 'x'"),
        ("logs --grep [", 2, "expected a regular expression"),
        ("up nosuch", 1, "no service or group is called 'nosuch'"),
        ("up -d nosuch", 1, "no service or group is called 'nosuch'"),
    ],
)
def test_mistake_is_explained(system: Project, words: str, code: int, text: str) -> None:
    done = system.fuge(*words.split())
    assert done.code == code
    assert text in done.out + done.err


def test_no_file_anywhere_is_explained(project: Project) -> None:
    done = project.fuge("ps")
    assert done.code == 2
    assert done.err.startswith(f"expected fuge.yml or fuge/fuge.yml in {project.folder} or a folder above it")


def test_file_is_found_from_a_folder_below(system: Project) -> None:
    words = [*FUGE, "check"]
    done = subprocess.run(words, cwd=system.folder / "my-api", capture_output=True, text=True, check=True)
    assert "2 services" in done.stdout


def test_file_that_cannot_be_read_is_explained(system: Project) -> None:
    system.file.write_bytes(b"a: \xff")
    done = system.fuge("check")
    assert done.code == 2
    assert "fuge.yml:1:4: expected UTF-8, found the byte 0xff" in done.err


def test_folder_that_cannot_be_written_is_explained(system: Project) -> None:
    (system.folder / ".fuge").write_text("in the way")
    for words in (("up",), ("up", "-d"), ("shell",), ("run", "my-api")):
        done = system.fuge(*words)
        assert done.code == 1, done
        assert "cannot write" in done.err
        assert ".fuge" in done.err


def test_log_folder_that_cannot_be_written_is_explained(system: Project) -> None:
    (system.folder / ".fuge").mkdir()
    (system.folder / ".fuge" / "log").write_text("in the way")
    done = system.fuge("up")
    assert done.code == 1
    assert "cannot write" in done.err


def test_place_for_the_socket(system: Project, tmp_path: Path) -> None:
    """A folder that is missing, or too long for a socket, or open to others."""
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    theirs = tmp_path / "theirs"
    (theirs / f"fuge-{os.getuid()}").mkdir(parents=True, mode=0o755)
    for folder in (tmp_path / "missing", deep, theirs):
        system.ok("up", "-d", XDG_RUNTIME_DIR=str(folder), TMPDIR=str(folder))
        socket = Path(json.loads((system.folder / ".fuge" / "engine.json").read_text())["socket"])
        assert not stat.S_IMODE(socket.parent.stat().st_mode) & 0o077
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert set(system.ps()) == {"adder_service", "my-api"}
        system.down()


def test_version_and_help() -> None:
    for words, text in (
        (["version"], r"\d+\.\d+"),
        (["--help"], r"shell +start the shell"),
        (["up", "--help"], r"--isolated +on free ports"),
        (["logs", "--help"], r"--since TIME"),
        (["run", "-h"], r"--with-deps"),
    ):
        done = subprocess.run([*FUGE, *words], capture_output=True, text=True, check=True)
        assert re.search(text, done.stdout)
        assert done.stderr == ""


def test_every_command_has_a_help_text() -> None:
    words = subprocess.run([*FUGE, "--help"], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^    ([a-z]+) +\S", words, re.MULTILINE)
    assert {"up", "ps", "logs", "run", "why", "doctor"} <= set(rows)


def test_queries_give_json(system: Project) -> None:
    system.up()
    [row, other] = system.ok("ps", "--json").json
    number = port_of(system, "adder_service")
    assert (row["name"], row["status"], row["ports"]) == ("adder_service", "running", {"http": number})
    assert system.ok("info", "my-api", "--json").json["environment"]["ADDER_SERVICE_SERVICE_PORT"] == str(number)
    assert system.ok("why", "my-api", "--json").json["status"] == "running"
    assert system.ok("zone", "--json").json == []
    assert system.ok("pid", "--json").json["pid"] == int(system.ok("pid").out)
    assert [each["text"] for each in system.ok("logs", "my-api", "--json").lines] == ["listening"]
    assert {each["service"] for each in system.ok("grep", "listen", "--json").lines} == {"adder_service", "my-api"}
    names = [each["event"] for each in system.ok("events", "my-api", "--json").lines]
    assert names == ["starting", "ready"]
    assert system.ok("unwatch", "my-api", "--json").json == ["my-api"]
    assert system.ok("reload", "--json").json == {
        "added": [],
        "changed": [],
        "removed": [],
        "outdated": [],
        "settings": [],
    }
    [outcome] = system.ok("stop", "my-api", "--json").json
    assert (outcome["service"], outcome["status"], outcome["ok"]) == ("my-api", "stopped", True)
    assert system.ok("stop", "my-api", "--json").json == []
    assert system.ok("start", "my-api", "--json").json[0]["status"] == "running"
    assert {each["state"] for each in system.ok("doctor", "--json").json} <= {"ok", "absent"}
    assert other["pid"]
    assert [each["status"] for each in system.ok("down", "--json").json] == ["stopped", "stopped"]


def test_commands_work_while_the_file_is_broken(system: Project) -> None:
    system.up()
    system.configure(BAD)
    assert "adder_service" in system.ok("ps").out
    assert "listening" in system.ok("logs").out
    assert "listening" in system.ok("grep", "listening", "my-api").out
    assert "stopped" in system.ok("stop", "my-api").out
    assert "ready" in system.ok("events", "my-api").out
    refused = system.fuge("reload")
    assert refused.code == 2
    assert "fuge.yml:7:3 adder_service.moniter" in refused.err
    system.down()


def test_names_groups_and_globs(project: Project) -> None:
    project.configure_with(
        project.sleeper("adder_one", "group: backend"),
        project.sleeper("adder_two", "enabled: false"),
        project.sleeper("webapp", "group: frontend", "depends_on: [adder_one]"),
        project.process("gone", run="python nothing.py"),
    )
    project.ok("up", "-d", "--wait", "frontend")
    states = {name: row["status"] for name, row in project.ps().items()}
    assert states == {"adder_one": "running", "adder_two": "stopped", "webapp": "running", "gone": "disabled"}
    project.do("stop", "all")
    done = project.ok("start", "adder*", "webapp")
    assert done.out == "adder_one: running\nadder_two: running\nwebapp: running\n"
    refused = project.fuge("start", "gone")
    assert refused.code == 4
    assert refused.out == f"gone: the folder {project.folder / 'gone'} does not exist\n"
    project.down()


def test_colours(system: Project) -> None:
    system.up()
    assert "\x1b" not in system.ok("ps").out
    assert "\x1b[32m" in system.ok("ps", FORCE_COLOR="1").out
    assert "\x1b" not in system.ok("ps", FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b" not in system.ok("ps", FORCE_COLOR="0").out
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        terminal = system.terminal("ps", **environment)
        assert ("\x1b" in terminal.read()) == coloured
    system.down()


def test_output_that_nobody_reads_is_no_traceback(system: Project) -> None:
    system.script("my-api", "import time\nfor n in range(5000): print('x' * 100)\ntime.sleep(99)")
    system.configure_with(system.process("my-api", "readiness: {log: x}"))
    system.up()
    pipe = " ".join(FUGE)
    for line in (f"{pipe} logs | head -1", f"{pipe} logs -f | head -1", f"{pipe} ps | true", f"{pipe} --help | true"):
        done = subprocess.run(["sh", "-c", line], cwd=system.folder, capture_output=True, text=True, check=True)
        assert done.stderr == ""
    system.down()
    done = subprocess.run(
        ["sh", "-c", f"{pipe} up | head -3"], cwd=system.folder, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""


def test_doctor_explains(system: Project) -> None:
    done = system.ok("doctor")
    assert "folders can be watched" in done.out
    assert "does not run now" in done.out
    assert f"port {port_of(system, 'adder_service')} (adder_service/http) is free" in done.out
    assert "ok      `fuge ui`, and traces" in done.out
    system.up()
    assert "runs now" in system.ok("doctor").out
    system.down()
    system.configure(BAD)
    done = system.fuge("doctor")
    assert done.code == 1
    assert "problem fuge.yml:7:3 adder_service.moniter" in done.out
    system.file.unlink()
    assert "absent  no fuge.yml in" in system.ok("doctor").out


def test_doctor_tells_of_the_ports_of_fuge_itself(system: Project) -> None:
    dns, traces = free_ports(2)
    own = f"dns_enabled: true, dns_port: {dns}, traces_enabled: true, traces_port: {traces}"
    system.configure_with(f"fuge_global: {{{own}}}", system.sleeper("one"))
    with socket.create_server(("127.0.0.1", traces)):
        done = system.fuge("doctor")
    assert done.code == 1
    assert f"ok      port {dns} (dns_port) is free" in done.out
    assert f"problem port {traces} (traces_port) is held by pid {os.getpid()}" in done.out


def test_doctor_tells_of_a_number_in_whose_place_services_get_a_link(system: Project) -> None:
    link = f"tcp://127.0.0.1:{port_of(system, 'my-api')}"
    done = system.ok("doctor", MY_API_PORT="9")
    assert f"absent  MY_API_PORT=9 for services, which get {link}, as in Kubernetes: put MY_API_PORT=9 into" in done.out
    assert "Kubernetes" not in system.ok("doctor", MY_API_PORT=link).out


def test_doctor_names_the_holder_of_a_port(system: Project) -> None:
    system.up()
    copy = system.folder / "copy"
    copy.mkdir()
    (copy / "fuge.yml").write_text(system.file.read_text().replace("path: ", "path: ../"))
    done = system.fuge("-f", "copy/fuge.yml", "doctor")
    assert done.code == 1
    number = port_of(system, "adder_service")
    assert re.search(rf"problem port {number} \(adder_service/http\) is held by pid \d+ .*main.py", done.out)
    system.down()


def test_simple_command_does_not_load_what_only_an_engine_needs() -> None:
    code = "import sys, fuge.faces.cli; print({'pydantic', 'ruamel', 'watchfiles', 'pathspec'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_few_watches_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FEW_WATCHES", 10**12)
    assert any("raise fs.inotify.max_user_watches" in text for _, text in doctor.machine())


def test_encoding_that_lacks_characters_is_no_traceback(project: Project) -> None:
    project.script(
        "poet", "import sys, time\nsys.stdout.buffer.write('süß ☃\\n'.encode())\nsys.stdout.flush()\ntime.sleep(99)"
    )
    project.configure_with(project.process("poet", "readiness: {log: s}"))
    project.up()
    assert project.ok("logs", PYTHONIOENCODING="ascii").out == "poet | s?? ?\n"
    project.down()
    assert wait_until(lambda: not project.marked())


def test_without_its_packages_fuge_names_the_extra(project: Project) -> None:
    project.configure_with(project.sleeper("sleeper"))
    code = "import sys; sys.modules['ruamel'] = None; from fuge.faces.cli import main; sys.exit(main(['check']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 1
    expected = "expected the package ruamel, found none: install the extra fuge"
    assert done.stderr == f'fuge: {expected} (pip install "microservices-workbook[fuge]")\n'
