"""A Compose file for a fuge.yml."""

import pytest
from fuge_exports import Export

from fuge.errors import ConfigError
from fuge.export import docker
from fuge.export.naming import Images
from fuge.plan import config
from fuge.plan.discovery import environment
from fuge.plan.zone import zones
from workbook import course

STEP = course.recipe("07").step / "fuge" / "fuge.yml"
SHOP = """
fuge_global:
  dns_enabled: true
  dns_namespace: market

price_list:
  type: process
  run: python main.py --all
  ports: [main=8101, admin=8191]
  replicas: 2
  terminate: SIGINT
  grace_period: 20
  readiness: {http: "/it's?", port: admin, interval: 4, timeout: 60}

web:
  type: process
  run: python3 web.py
  ports: [http=8000]
  depends_on: [price_list]
  environment: [COLOUR=blue, 'PRICE=5$']
"""


def test_step_07_as_it_is(export: Export) -> None:
    made = export(STEP, "compose")
    assert list(made.services) == ["mongo", "redis", "adder_service", "audit_service", "event_service", "webapp"]
    assert made.content["name"] == "07-queue"
    assert made.content["volumes"] == {"mongo-data": {}, "queue": {}, "webapp-outbox": {}}
    webapp = made.services["webapp"]
    assert webapp["image"] == "07-queue-webapp:latest"
    assert webapp["pull_policy"] == "never"
    assert webapp["ports"] == ["127.0.0.1:3000:3000"]
    assert webapp["depends_on"] == {
        "adder_service": {"condition": "service_healthy"},
        "audit_service": {"condition": "service_healthy"},
    }
    assert webapp["volumes"] == [
        {"type": "volume", "source": "webapp-outbox", "target": "/app/fuge/.fuge/outbox"},
        {"type": "tmpfs", "target": "/tmp"},  # noqa: S108
    ]
    assert webapp["environment"]["OUTBOX"] == "../fuge/.fuge/outbox"
    assert {name for name, service in made.services.items() if "ports" in service} == {"webapp"}
    redis = made.services["redis"]
    assert redis["command"] == ["redis-server", "--appendonly", "yes", "--appendfsync", "always"]
    assert redis["healthcheck"]["test"] == ["CMD", "bash", "-c", "</dev/tcp/127.0.0.1/6379"]
    assert "pull_policy" not in redis
    assert [note.partition("fuge.yml")[2] for note in made.notes] == [
        ":7:3 fuge_global.traces_enabled: fuge is not there to take traces: name another place by"
        " OTEL_EXPORTER_OTLP_ENDPOINT in `environment`",
        ":15:1 mongo: has no volume for /data/db: there it has one, so that its data is kept",
    ]


def test_services_are_told_what_they_are_told_here_by_names_in_place_of_addresses(export: Export) -> None:
    told = export(SHOP, "compose").services["price_list"]["environment"]
    host = "price-list.market.svc.cluster.local"
    assert told | {"PRICE_LIST_PORT": None} == {
        "PRICE_LIST_SERVICE_HOST": host,
        "PRICE_LIST_SERVICE_PORT": "8101",
        "PRICE_LIST_SERVICE_PORT_MAIN": "8101",
        "PRICE_LIST_SERVICE_PORT_ADMIN": "8191",
        "PRICE_LIST_PORT": None,
        **{
            f"PRICE_LIST_PORT_{number}_TCP{end}": value
            for number in ("8101", "8191")
            for end, value in (("", f"tcp://{host}:{number}"), ("_PROTO", "tcp"), ("_PORT", number), ("_ADDR", host))
        },
        "WEB_SERVICE_HOST": "web.market.svc.cluster.local",
        "WEB_SERVICE_PORT": "8000",
        "WEB_SERVICE_PORT_HTTP": "8000",
        "WEB_PORT": "tcp://web.market.svc.cluster.local:8000",
        "WEB_PORT_8000_TCP": "tcp://web.market.svc.cluster.local:8000",
        "WEB_PORT_8000_TCP_PROTO": "tcp",
        "WEB_PORT_8000_TCP_PORT": "8000",
        "WEB_PORT_8000_TCP_ADDR": "web.market.svc.cluster.local",
        "DNS_NAMESPACE": "market",
        "DNS_SUFFIX": "",
        "DNS_MODE": "A",
        "DNS_LOOKUP_INTERVAL": "5",
        "SERVICE_HOST": "0.0.0.0",  # noqa: S104
        "SERVICE_PORT": "8101",
    }


def test_a_service_is_found_by_its_name_its_label_and_its_whole_name(export: Export) -> None:
    services = export(SHOP, "compose").services
    whole = "price-list.market.svc.cluster.local"
    assert services["price_list"]["networks"] == {"default": {"aliases": ["price-list", whole]}}
    assert services["web"]["networks"] == {"default": {"aliases": ["web.market.svc.cluster.local"]}}
    assert "networks" not in export("web: {type: process, run: python main.py}", "compose").services["web"]


def test_services_have_the_names_that_fuge_answers_to_and_the_variables_that_it_gives(export: Export) -> None:
    made = export(STEP, "compose")
    system = config.load(STEP)
    [own, *_] = zones(system)
    aliases = {name for service in made.services.values() for name in service["networks"]["default"]["aliases"]}
    assert {record.name for record in own.records if record.type == "A"} - {own.server} <= aliases
    for name, service in made.services.items():
        here = {each for each in environment(system, system.services[name], {}) if not each.startswith("OTEL_")}
        assert {*service["environment"]} == here - {"DNS_HOST", "DNS_PORT"} | docker.DNS.keys()


def test_a_python_service_may_do_little(export: Export) -> None:
    web = export(SHOP, "compose").services["web"]
    assert web["user"] == "10001:10001"
    assert web["read_only"] is True
    assert web["cap_drop"] == ["ALL"]
    assert web["security_opt"] == ["no-new-privileges:true"]
    assert web["init"] is True
    assert web["volumes"] == [{"type": "tmpfs", "target": "/tmp"}]  # noqa: S108


def test_readiness_is_looked_at_from_inside(export: Export) -> None:
    services = export(SHOP, "compose").services
    assert services["web"]["healthcheck"] == {
        "test": ["CMD", "python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 2).close()"],
        "interval": "2s",
        "timeout": "3s",
        "retries": 3,
        "start_period": "30s",
    }
    look = services["price_list"]["healthcheck"]
    assert "8191" in look["test"][3]
    assert """asked.request('GET', "/it's?")""" in look["test"][3]
    compile(look["test"][3], "look", "exec")
    assert (look["interval"], look["start_period"]) == ("4s", "60s")


def test_stopping_and_instances_are_as_said(export: Export) -> None:
    service = export(SHOP, "compose").services["price_list"]
    assert (service["stop_signal"], service["stop_grace_period"]) == ("SIGINT", "20s")
    assert service["deploy"]["replicas"] == 2


def test_a_dollar_sign_is_none_of_composes(export: Export) -> None:
    made = export(SHOP.replace("main.py --all", "main.py"), "compose")
    assert "PRICE: 5$$" in made.output.text.replace('"', "")


def test_images_of_a_registry_are_pulled(export: Export) -> None:
    web = export(SHOP, "compose", Images("registry.example.com/team", "1.4")).services["web"]
    assert web["image"] == "registry.example.com/team/shop-web:1.4"
    assert "pull_policy" not in web


def test_text_is_the_same_each_time(export: Export) -> None:
    assert export(SHOP, "compose").output == export(SHOP, "compose").output


# Who is reached from outside --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "more", "published"),
    [
        ("http=8000", "", ["127.0.0.1:8000:8000"]),
        ("https=8443", "host: 0.0.0.0", ["0.0.0.0:8443:8443"]),
        ("http-admin=8000", "host: '::1'", ["[::1]:8000:8000"]),
        ("HTTP=8000", "host: localhost", ["127.0.0.1:8000:8000"]),
        ("http=auto", "", ["127.0.0.1::10000"]),
        ("main=8000", "", None),
        ("httpd=8000", "", None),
    ],
)
def test_a_service_that_nobody_needs_is_reached_by_its_http_port(
    export: Export, port: str, more: str, published: list[str] | None
) -> None:
    made = export(f"web: {{type: process, run: python main.py, ports: [{port}]{', ' * bool(more)}{more}}}", "compose")
    assert made.services["web"].get("ports") == published


def test_instances_that_share_a_port_of_the_machine_are_one(export: Export) -> None:
    made = export("web: {type: process, run: python main.py, ports: [http=80], replicas: 3}", "compose")
    assert "replicas" not in made.services["web"]["deploy"]
    assert made.notes == [
        "fuge.yml:1:61 web.replicas: instances on one machine cannot share its port: one runs;"
        " put a proxy before several"
    ]


# Secrets ----------------------------------------------------------------------------------------------------------

HIDDEN = """
db:
  type: container
  image: mongo
  ports: [main=27017]
  volumes: [data:/data/db]
  environment:
    MONGO_INITDB_ROOT_PASSWORD: ${PASSWORD}
    MONGO_INITDB_ROOT_USERNAME: shop
web:
  type: process
  run: python main.py
  environment:
    DATABASE: mongodb://shop:pa$$$$@db
"""


def test_secrets_are_in_a_file_of_their_own(export: Export) -> None:
    made = export(HIDDEN, "compose", PASSWORD="it's\n$5")  # noqa: S106
    assert made.services["db"]["env_file"] == ["db.secrets.env"]
    assert made.services["db"]["environment"] == {
        "MONGO_INITDB_ROOT_USERNAME": "shop",
        "SERVICE_HOST": "0.0.0.0",  # noqa: S104
        "SERVICE_PORT": "27017",
        "DB_SERVICE_HOST": "db",
        **{name: value for name, value in made.services["db"]["environment"].items() if name.startswith("DB_")},
    }
    assert made.output.private == {
        "db.secrets.env": 'MONGO_INITDB_ROOT_PASSWORD="it\'s\\n\\$5"\n',
        "web.secrets.env": "DATABASE='mongodb://shop:pa$$@db'\n",
    }
    assert "it's" not in made.output.text
    assert "mongodb:" not in made.output.text


def test_the_place_of_a_service_is_no_secret_whatever_it_is_called(export: Export) -> None:
    made = export(
        """
        token_service: {type: process, run: python main.py, ports: [main=8000], environment: [TOKEN=1]}
        web: {type: process, run: python main.py}
        """,
        "compose",
    )
    assert ("TOKEN_SERVICE_SERVICE_PORT", "8000") in made.services["web"]["environment"].items()
    assert made.output.private == {"token-service.secrets.env": "TOKEN='1'\n"}


# What ends, what is started again ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "restart"),
    [
        ("", "unless-stopped"),
        ("restart: never", "no"),
        ("restart_on_error: false", "no"),
        ("restart: on-failure", "on-failure:5"),
        ("restart: on-failure, max_restarts: 0", "no"),
        ("restart: always", "always"),
        ("enabled: false", "no"),
    ],
)
def test_restart_is_as_said(export: Export, said: str, restart: str) -> None:
    made = export(f"a: {{type: process, run: python main.py{', ' * bool(said)}{said}}}", "compose")
    assert made.services["a"]["restart"] == restart
    assert made.services["a"].get("profiles") == (["manual"] if said == "enabled: false" else None)


def test_what_is_needed_starts_although_it_is_not_enabled(export: Export) -> None:
    made = export(
        """
        a: {type: process, run: python main.py, enabled: false, depends_on: [c]}
        b: {type: process, run: python main.py, depends_on: [a]}
        c: {type: process, run: python main.py, enabled: false}
        d: {type: process, run: python main.py, enabled: false, depends_on: [c]}
        """,
        "compose",
    )
    assert [name for name, service in made.services.items() if "profiles" in service] == ["d"]


def test_what_others_wait_for(export: Export) -> None:
    made = export(
        """
        migrate: {type: process, run: python migrate.py}
        mail: {type: process, run: python mail.py, readiness: {log: up}}
        other: {type: container, image: nginx, ports: [http=80]}
        seen: {type: process, run: python main.py, readiness: {exec: test -f x}}
        plain: {type: process, run: python main.py}
        api:
          type: process
          run: python main.py
          depends_on: {migrate: completed, mail: ready, other: ready, seen: ready, plain: ready}
        """,
        "compose",
    )
    assert made.services["api"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "mail": {"condition": "service_started"},
        "other": {"condition": "service_started"},
        "seen": {"condition": "service_healthy"},
        "plain": {"condition": "service_started"},
    }
    assert made.services["migrate"]["restart"] == "no"
    assert made.services["seen"]["healthcheck"]["test"] == ["CMD-SHELL", "test -f x"]
    assert [note for note in made.notes if "depends_on" in note] == [
        "fuge.yml:10:3 api.depends_on: nothing in the container of mail can tell that it is ready:"
        " its start is waited for",
        "fuge.yml:10:3 api.depends_on: nothing in the container of other can tell that it is ready:"
        " its start is waited for",
    ]


# What it cannot say -----------------------------------------------------------------------------------------------


def test_what_cannot_be_said_is_told_with_its_place_and_in_the_file(export: Export) -> None:
    made = export(
        """
        fuge_global:
          dns_enabled: true
          dns_external: [pay.example.com IN A 192.0.2.7]
          restart_delay: 3
        gone: {type: process, path: nowhere, run: python main.py, restart: always, max_restarts: 9}
        node: {type: process, run: node main.js, delay_start: 2}
        cache: {type: container, image: memcached, keep: true}
        """,
        "compose",
    )
    gone = made.notes[2].partition("the folder")
    assert [*made.notes[:2], gone[0], *made.notes[3:]] == [
        "fuge.yml:4:18 fuge_global.dns_external[0]: the DNS there does not know it: add it to that of your network",
        "fuge.yml:5:3 fuge_global.restart_delay: Compose has its own pauses between restarts",
        "fuge.yml:6:23 gone.path: ",
        "fuge.yml:6:76 gone.max_restarts: Compose bounds restarts after failures alone",
        "fuge.yml:7:23 node.run: `fuge build` makes images of Python services alone:"
        " make this one, with the name that it has here",
        "fuge.yml:7:42 node.delay_start: engines have no pause before a start: services must wait for each other",
        "fuge.yml:8:26 cache.image: what this image needs is not known, so it runs as the user that it names,"
        " and may write everywhere",
        "fuge.yml:8:44 cache.keep: what a container has written goes with it: give it a volume",
    ]
    comments = [line.removeprefix("# ") for line in made.output.text.splitlines() if line.startswith("# ")]
    assert comments[2:] == made.notes
    assert "user" not in made.services["cache"]
    assert "read_only" not in made.services["cache"]


def test_containers_of_somebody_else_are_left_out(export: Export) -> None:
    made = export(
        """
        fuge_global: {run_containers: false}
        db: {type: container, image: mongo, host: db.example.com, ports: [main=27017]}
        web: {type: process, run: python main.py, depends_on: [db]}
        """,
        "compose",
    )
    assert list(made.services) == ["web"]
    assert made.services["web"]["environment"]["DB_SERVICE_HOST"] == "db.example.com"
    assert "depends_on" not in made.services["web"]
    assert len(made.notes) == 1


def test_volumes_and_folders(export: Export) -> None:
    made = export(
        """
        db:
          type: container
          image: postgres:16
          volumes: [data:/var/lib/postgresql, ./conf:/etc/conf:ro, '/scratch']
        """,
        "compose",
    )
    mounts = made.services["db"]["volumes"]
    assert mounts[0] == {"type": "volume", "source": "data", "target": "/var/lib/postgresql"}
    assert mounts[1]["source"].endswith("/shop/conf")
    assert mounts[1] | {"source": ""} == {"type": "bind", "source": "", "target": "/etc/conf", "read_only": True}
    assert mounts[2] == {"type": "tmpfs", "target": "/scratch"}


def test_a_host_that_is_a_name_is_reached_here(export: Export) -> None:
    made = export("web: {type: process, run: python main.py, ports: [http=80], host: my.example.com}", "compose")
    assert made.services["web"]["ports"] == ["127.0.0.1:80:80"]
    assert made.notes == ["fuge.yml:1:61 web.host: Compose wants an address, and no name: it is reached at 127.0.0.1"]


def test_what_can_have_no_name_in_dns_is_refused(export: Export) -> None:
    with pytest.raises(ConfigError) as caught:
        export("web: {type: process, run: python main.py, ports: [main_=80]}", "compose")
    assert "fuge.yml:1:50 web.ports: expected ports with names for DNS" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        export("web_: {type: process, run: python main.py}", "compose")
    assert str(caught.value) == (
        "fuge.yml:1:1 web_: expected a name for DNS: at most 63 letters, digits, - and _,"
        " with a letter or digit at the end, found 'web_'"
    )


def test_a_server_listens_on_its_own_port_whatever_that_is_here(export: Export) -> None:
    made = export(
        """
        cache: {type: container, image: 'redis:8-alpine', ports: [main=6380]}
        one: {type: process, run: python main.py}
        """,
        "compose",
    )
    assert made.services["one"]["environment"]["CACHE_SERVICE_PORT"] == "6379"
    assert made.services["cache"]["healthcheck"]["test"] == ["CMD", "nc", "-z", "127.0.0.1", "6379"]


def test_a_service_that_wants_to_be_told_nothing_is_told_nothing(export: Export) -> None:
    made = export(
        """
        a: {type: process, run: python main.py, ports: [main=1], auto_generate_environment: false, environment: [A=1]}
        b: {type: process, run: python main.py}
        c: {type: process, run: python main.py}
        """,
        "compose",
    )
    assert made.services["a"]["environment"] == {"A": "1"}
    assert made.services["b"]["environment"]["A_SERVICE_HOST"] == "a"
