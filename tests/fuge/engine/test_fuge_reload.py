"""A changed fuge.yml is applied to what has changed, and to nothing else."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from fuge_project import Project, free_ports

from fuge import ConfigError
from fuge.engine import differences
from fuge.plan.system import System


def pids(project: Project) -> dict[str, int | None]:
    return {name: row["pid"] for name, row in project.ps().items()}


def test_reload_touches_only_what_has_changed(project: Project) -> None:
    port = free_ports(1)[0]
    web, old = project.server("web", port=port), project.sleeper("old")
    project.configure_with(web, old, project.sleeper("keeps"))
    project.up()
    before = pids(project)
    changed = project.server("web", "environment: [GREETING=hi]", port=port)
    project.configure_with(changed, project.sleeper("keeps"), project.sleeper("new"))
    assert pids(project) == before  # nothing happens by itself
    done = project.ok("reload")
    assert done.out == "added: new\nchanged: web\nremoved: old\n"
    after = pids(project)
    assert after.keys() == {"web", "keeps", "new"}
    assert after["keeps"] == before["keeps"]
    assert after["web"] != before["web"]
    assert after["new"]
    assert "GREETING=hi" in project.ok("env", "web").out
    assert len(project.marked()) == 3
    assert project.ok("reload").out == "nothing has changed\n"
    project.down()


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ({}, {"traces_enabled": True, "traces_port": 9}, ["traces_enabled"]),
        ({"traces_enabled": True}, {"traces_enabled": True, "traces_port": 9}, ["traces_port"]),
        ({"dns_suffix": "a"}, {"dns_suffix": "b", "run_containers": False}, ["run_containers", "dns_suffix"]),
        ({"dns_suffix": "a"}, {"dns_suffix": "a"}, []),
    ],
)
def test_settings_are_named_that_are_news(before: dict[str, Any], after: dict[str, Any], named: list[str]) -> None:
    file = Path("/fuge.yml")
    assert differences.settings(System(file, {}, **before), System(file, {}, **after)) == named


def test_setting_of_the_whole_system_is_named(project: Project) -> None:
    project.configure_with(project.server("web"))
    project.up()
    before = pids(project)
    project.file.write_text(f"fuge_global: {{dns_suffix: other.local}}\n{project.file.read_text()}")
    assert project.ok("reload").out == "settings: dns_suffix\n"
    assert pids(project) == before
    project.down()


def test_broken_file_is_refused_and_everything_goes_on(project: Project) -> None:
    project.configure_with(project.server("web"))
    project.up()
    before = pids(project)
    good = project.file.read_text()
    project.file.write_text(good + "  moniter: true\n")
    done = project.fuge("reload")
    assert done.code == 2
    assert done.err == ("fuge.yml:6:3 web.moniter: expected a known key, found 'moniter'; did you mean 'monitor'?\n")
    assert pids(project) == before
    project.file.unlink()
    assert project.fuge("-f", "fuge.yml", "reload").code == 2
    assert pids(project) == before
    project.file.write_text(good)
    assert project.ok("reload").out == "nothing has changed\n"
    project.down()


def test_reload_in_the_shell(project: Project) -> None:
    project.configure_with(project.sleeper("one"))
    project.sleeper("two")
    line = f"printf '%s\\n' 'two:' '  type: process' '  path: two' '  run: sleep 99' >> {project.file}"
    done = project.ok("shell", give=f"start all\n{line}\nreload\nps\necho 'bad: 1' >> {project.file}\nreload\nps\n")
    assert len(re.findall("two +process +default +running", done.out)) == 2
    assert "fuge.yml:9:6 bad: expected a mapping of settings, found 1" in done.out


def test_auto_ports_stay_where_they_are(project: Project) -> None:
    project.configure_with(project.server("web", port="auto"), project.server("idle", "enabled: false", port="auto"))
    project.up()
    before = project.ps()
    project.configure(project.file.read_text() + project.sleeper("new") + "\n")
    assert project.ok("reload").out == "added: new\n"
    after = project.ps()
    assert after["web"] == before["web"] | {"uptime": after["web"]["uptime"]}
    assert after["idle"]["ports"] == before["idle"]["ports"]
    project.down()


def test_auto_port_makes_room_for_a_declared_one_when_it_does_not_run(project: Project) -> None:
    project.configure_with(project.server("idle", "enabled: false", port="auto"), project.sleeper("x"))
    project.up()
    number = project.ps()["idle"]["ports"]["http"]
    project.configure(project.file.read_text() + project.server("new", port=number) + "\n")
    project.do("reload")
    rows = project.ps()
    assert rows["new"]["ports"] == {"http": number}
    assert rows["new"]["status"] == "running"
    assert rows["idle"]["ports"] != {"http": number}
    project.down()


def test_isolated_ports_stay_where_they_are(project: Project) -> None:
    project.configure_with(project.server("web"), project.sleeper("x"))
    project.ok("up", "-d", "--wait", "--isolated")
    before = project.ps()["web"]
    project.configure(project.file.read_text() + project.server("new") + "\n")
    done = project.ok("reload")
    assert done.out.startswith("added: new\n")
    after = project.ps()
    assert (after["web"]["ports"], after["web"]["pid"]) == (before["ports"], before["pid"])
    assert after["new"]["status"] == "running"
    project.down()


def test_others_with_outdated_addresses_are_named(project: Project) -> None:
    one, two = free_ports(2)
    project.configure_with(project.server("web", port=one), project.sleeper("caller"), project.sleeper("late"))
    project.up("web", "caller")
    project.configure(project.file.read_text().replace(str(one), str(two)))
    done = project.ok("reload")
    assert done.out == (
        "changed: web\nstill with the old addresses of others in its environment (restart it): caller\n"
    )
    assert project.ps()["web"]["ports"] == {"http": two}
    project.do("restart", "caller")
    assert project.ok("reload").out == "nothing has changed\n"
    project.down()


def test_service_that_had_failed_is_tried_again_when_it_is_mended(project: Project) -> None:
    project.sleeper("x")
    project.configure_with(project.process("x", run="python nosuch.py MARK"), project.sleeper("idle"))
    project.up("x", wait=False)
    project.await_event("x", "failed")
    project.configure_with(project.process("x"), project.sleeper("idle", "monitor: false"))
    assert project.ok("reload").out == "changed: x, idle\n"
    assert {name: row["status"] for name, row in project.ps().items()} == {"x": "running", "idle": "stopped"}
    project.down()


def test_added_services_are_not_started_when_nothing_runs(project: Project) -> None:
    project.configure_with(project.sleeper("x"))
    project.up()
    project.do("stop", "x")
    project.configure_with(project.sleeper("x"), project.sleeper("new"))
    project.do("reload")
    assert project.ps()["new"]["status"] == "stopped"
    project.down()


def test_dependencies_of_what_a_reload_has_made(project: Project) -> None:
    project.configure_with(project.sleeper("db"), project.sleeper("api", "depends_on: [db]"))
    project.up()
    project.configure_with(
        project.sleeper("db", "grace_period: 4"), project.sleeper("api", "depends_on: [db]"), project.sleeper("cache")
    )
    project.do("reload")
    project.configure_with(
        project.sleeper("db", "grace_period: 4"),
        project.sleeper("api", "depends_on: [db, cache]"),
        project.sleeper("cache"),
    )
    assert project.ok("reload").out == "changed: api\n"
    assert {row["status"] for row in project.ps().values()} == {"running"}
    assert project.ok("restart", "api").out == "api: running\n"
    project.down()


def test_new_services_are_watched(project: Project) -> None:
    project.configure_with(project.sleeper("x"))
    project.up()
    project.configure_with(project.sleeper("x"), project.sleeper("new"))
    project.do("reload")
    for name in ("new", "x"):
        (project.folder / name / "main.py").touch()
        project.await_event(name, "ready", 2)
    project.down()


def test_many_reloads_at_once(project: Project) -> None:
    project.configure_with(project.sleeper("x"), project.sleeper("y"))
    project.up()
    project.configure_with(project.sleeper("x", "grace_period: 4"), project.sleeper("y"), project.sleeper("z"))

    async def reload_often() -> list[dict[str, list[str]]]:
        from fuge import Client

        return list(await asyncio.gather(*(Client(project.file).call("reload") for _ in range(8))))

    found = asyncio.run(reload_often())
    assert sum(bool(each["added"]) for each in found) == 1
    assert len(project.marked()) == 3
    assert {row["status"] for row in project.ps().values()} == {"running"}
    project.down()


def test_error_of_a_broken_file_keeps_its_kind(project: Project) -> None:
    project.configure_with(project.sleeper("x"))
    project.up()
    project.file.write_text("[]")
    with pytest.raises(ConfigError, match="expected a mapping"):
        project.call("reload")
    project.down()
