"""Who waits for whom, until when, and what is said when that cannot come."""

import time

from fuge_project import Project, eventually


def gate(project: Project, name: str) -> str:
    """A script that is ready as soon as the file NAME.open is there."""
    return f"""
    import pathlib, time
    while not pathlib.Path("../{name}.open").exists():
        time.sleep(0.01)
    print("open", flush=True)
    time.sleep(999)
    """


def test_dependent_starts_when_the_other_is_ready(project: Project) -> None:
    project.script("a", gate(project, "a"))
    project.configure_with(project.process("a", "readiness: {log: open}"), project.sleeper("b", "depends_on: [a]"))
    project.up(wait=False)
    project.await_event("a", "starting")
    row = project.ps()["b"]
    assert (row["status"], row["reason"]) == ("waiting", "for a to be ready")
    assert "b is waiting: for a to be ready" in project.ok("why", "b").out
    assert "no line of output matches 'open'" in project.ok("why", "b").out
    (project.folder / "a.open").touch()
    project.await_event("b", "ready")
    order = [(each["service"], each["event"]) for each in project.events()]
    assert order.index(("a", "ready")) < order.index(("b", "starting"))
    project.down()


def test_restart_while_a_dependent_waits_makes_one_dependent(project: Project) -> None:
    project.script("a", gate(project, "a"))
    project.configure_with(
        project.process("a", "readiness: {log: open}"),
        project.sleeper("b", "depends_on: [a]"),
        project.sleeper("c", "depends_on: [b]"),
    )
    project.up(wait=False)
    project.await_event("a", "starting")
    restarts = [project.begin("restart", "a") for _ in range(3)]
    starts = [project.begin("start", "b") for _ in range(3)]
    project.await_event("a", "starting", 2)
    time.sleep(0.3)  # so that the others come too, if some are slower; what they find is not what matters
    (project.folder / "a.open").touch()
    assert [process.wait(60) for process in restarts + starts] == [0] * 6
    project.await_event("c", "ready")
    assert len(project.happened("b", "starting")) == 1
    assert len(project.marked()) == 3
    project.down()


def test_conditions(project: Project) -> None:
    project.script("job", "import time\ntime.sleep(0.3)\nprint('migrated', flush=True)")
    project.script("a", gate(project, "never"))
    project.configure_with(
        project.process("a", "readiness: {log: open}"),
        project.process("job"),
        project.sleeper("early", "depends_on: {a: started}"),
        project.sleeper("late", "depends_on: {job: completed}"),
    )
    project.up(wait=False)
    project.await_event("early", "ready")
    project.await_event("late", "ready")
    order = [(each["service"], each["event"]) for each in project.events()]
    assert order.index(("job", "exited")) < order.index(("late", "starting"))
    assert project.ps()["a"]["status"] == "starting"
    project.down()


def test_failure_is_passed_on_with_its_cause(project: Project) -> None:
    project.script("db", "import sys\nprint('no disk', file=sys.stderr)\nsys.exit(2)")
    project.configure_with(
        project.process("db", "readiness: {log: open}"),
        project.sleeper("api", "depends_on: [db]"),
        project.sleeper("web", "depends_on: [api]"),
    )
    project.up(wait=False)
    project.await_event("web", "failed")
    reasons = {name: row["reason"] for name, row in project.ps().items()}
    assert reasons["db"] == "ended with exit code 2"
    assert reasons["api"] == "it needs db, which is failed: ended with exit code 2"
    assert reasons["web"] == "it needs api, which is failed: it needs db, which is failed: ended with exit code 2"
    said = project.ok("why", "web").out
    assert "it needs db to be ready:" in said
    assert "| no disk" in said
    done = project.fuge("start", "web")
    assert done.code == 4
    assert "api: it needs db, which is failed" in done.out
    project.down()


def test_failed_job_fails_its_dependent(project: Project) -> None:
    project.script("job", "raise SystemExit(1)")
    project.configure_with(project.process("job"), project.sleeper("late", "depends_on: {job: completed}"))
    project.up(wait=False)
    project.await_event("late", "failed")
    assert project.ps()["late"]["reason"] == "it needs job, which is failed: ended with exit code 1"
    project.down()


def test_dependency_that_is_not_ready_in_time_fails_its_dependent(project: Project) -> None:
    project.script("db", gate(project, "db"))
    project.configure_with(
        project.process("db", "readiness: {log: open, timeout: 0.3}"), project.sleeper("api", "depends_on: [db]")
    )
    done = project.fuge("up", "--wait")
    assert done.code == 4
    reason = "not ready within 0.3 s: no line of output matches 'open'"
    assert done.out.splitlines() == [f"db: {reason}", f"api: it needs db, which is not ready: {reason}"]
    (project.folder / "db.open").touch()
    project.await_event("db", "ready")
    assert project.ok("start", "api").out == "db: running\napi: running\n"
    project.down()


def test_start_brings_what_is_needed(project: Project) -> None:
    project.configure_with(
        project.sleeper("db", "enabled: false"),
        project.sleeper("api", "depends_on: [db]"),
        project.sleeper("other"),
        project.sleeper("web", "depends_on: {api: started}"),
    )
    project.up("other")
    assert project.ok("start", "web").out == "db: running\napi: running\nweb: running\n"
    project.down()


def test_disabled_dependency_is_named(project: Project) -> None:
    project.configure_with(project.process("gone"), project.sleeper("api", "depends_on: [gone]"))
    done = project.fuge("up", "--wait", "api")
    assert done.code == 4
    assert f"api: it needs gone, which is disabled: the folder {project.folder / 'gone'} does not exist" in done.out
    project.down()


def test_restart_of_a_service_whose_dependency_was_stopped(project: Project) -> None:
    """As in a failure drill: the database is stopped on purpose, and the code that should survive that is edited."""
    project.configure_with(project.sleeper("db"), project.sleeper("api", "depends_on: [db]"))
    project.up()
    project.do("stop", "db")
    (project.folder / "api" / "main.py").write_text("import time\nprint('edited', flush=True)\ntime.sleep(99)\n")
    project.await_event("api", "ready", 2)
    assert project.ok("restart", "api").out == "api: running\n"
    assert project.ps()["db"]["status"] == "stopped"
    project.down()


def test_delay_before_the_start_is_for_the_start_only(project: Project) -> None:
    project.configure_with(project.sleeper("a"), project.sleeper("b", "delay_start: 0.6"))
    project.up("a")
    began = time.time()
    project.call("start", words=["b"])
    assert project.happened("b", "starting")[0]["time"] - began > 0.5
    project.do("restart", "b")
    stopped, started = (project.happened("b", word)[-1]["time"] for word in ("stopping", "starting"))
    assert stopped <= started
    assert not any("delay_start" in each["text"] for each in project.happened("b", "waiting"))
    project.down()


def test_readiness_of_each_kind(project: Project) -> None:
    project.script(
        "web",
        """
        import http.server, os, pathlib
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                opened = pathlib.Path("../web.open").exists()
                self.send_response(204 if self.path == "/health" and opened else 503)
                self.end_headers()
            def log_message(self, *_): pass
        http.server.HTTPServer(("127.0.0.1", int(os.environ["SERVICE_PORT"])), Handler).serve_forever()
        """,
    )
    web = project.server("web", "readiness: {http: /health, interval: 0.05}")
    project.configure_with(
        project.server("tcp"),
        web,
        project.sleeper(
            "exec", "readiness: {exec: test -e ../exec.open || (echo still closed; exit 9), interval: 0.05}"
        ),
        project.sleeper("log", "readiness: {log: ^u.$}"),
        project.sleeper("started", "readiness: started"),
    )
    project.up("tcp", "log", "started")
    project.call("start", words=[], wait=False)
    eventually(lambda: "GET /health is answered with 503" in project.ok("why", "web").out)
    eventually(lambda: "ended with 9: still closed" in project.ok("why", "exec").out)
    for name in ("web", "exec"):
        (project.folder / f"{name}.open").touch()
        project.await_event(name, "ready")
    project.down()
    assert not project.marked()
