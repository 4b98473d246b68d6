"""Manifests for Kubernetes, which its own schemas and rules for names accept."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from fuge_exports import Export, Made, values

from fuge.errors import FugeError
from fuge.plan import config
from fuge.plan.zone import zones
from workbook import course
from workbook.course import ROOT

STEP = course.recipe("07").step / "fuge" / "fuge.yml"
VERSION = "1.30"
LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
ODD = """
fuge_global:
  dns_enabled: true
  dns_namespace: Market
  dns_suffix: example.com

Price_List:
  type: process
  run: python main.py
  ports: [main=80, a_very_long_name_of_a_port=8191]
  readiness: {http: /health}
  depends_on: {migrate: completed, db: ready}
  replicas: 2
  restart: on-failure
  environment: {API_TOKEN: 'a: $$(b)', GREETING: $$(HOME), DEBUG: 'no', NUMBER: 1}

migrate:
  type: process
  run: python migrate.py
  restart: on-failure
  depends_on: [db]
  environment: {OUTBOX: .fuge/out/box}

db:
  type: container
  image: mongo
  args: [mongod, --setParameter, 'a=$$(b)']
  ports: [main=27018, again=27019:27017]
  volumes: [Data_1:/data/db]

proxy:
  type: container
  image: nginx
  enabled: false
  ports: [http=8000:80]
  volumes: [./conf:/etc/nginx:ro, 'Data_1:/var/cache', '/scratch']
  terminate: SIGQUIT
  grace_period: 0.5
  readiness: {exec: curl -f localhost}

clock:
  type: process
  run: python clock.py
  enabled: false
  auto_generate_environment: false
"""


def check(made: Made) -> None:
    """By the schemas, and by the rules that these do not have."""
    documents = [*made.documents, *secrets(made)]
    for manifest in documents:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(names) == len(set(names))
    for kind, name in names:
        assert (LABEL if kind in ("Service", "Namespace") else SUBDOMAIN).fullmatch(name), (kind, name)
    for manifest in documents:
        if manifest["kind"] == "Service":
            ports = manifest["spec"]["ports"]
            assert len({port["name"] for port in ports}) == len({port["port"] for port in ports}) == len(ports)
            assert all(LABEL.fullmatch(port["name"]) for port in ports)
            assert any(manifest["spec"]["selector"].items() <= labels.items() for labels in pods(made))
        if template := manifest.get("spec", {}).get("template"):
            check_pod(template["spec"], manifest["spec"])
        if "selector" in manifest.get("spec", {}) and template:
            assert manifest["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]


def check_pod(pod: dict[str, Any], around: dict[str, Any]) -> None:
    there = [volume["name"] for volume in pod.get("volumes", [])]
    there += [claim["metadata"]["name"] for claim in around.get("volumeClaimTemplates", [])]
    assert len(there) == len(set(there))
    assert all(LABEL.fullmatch(name) for name in there)
    [container] = pod["containers"]
    mounts = container.get("volumeMounts", [])
    assert {mount["name"] for mount in mounts} == set(there)
    assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
    numbers = [port["containerPort"] for port in container.get("ports", [])]
    assert len(numbers) == len(set(numbers))
    variables = [each["name"] for each in container.get("env", [])]
    assert len(variables) == len(set(variables))


def pods(made: Made) -> list[dict[str, str]]:
    specs = [manifest["spec"] for manifest in made.documents if "template" in manifest.get("spec", {})]
    return [spec["template"]["metadata"]["labels"] for spec in specs]


def secrets(made: Made) -> list[dict[str, Any]]:
    return [manifest for text in made.output.private.values() for manifest in values(text)]


def test_step_07_is_valid(export: Export) -> None:
    made = export(STEP, "kubernetes")
    check(made)
    assert [(each["kind"], each["metadata"]["name"]) for each in made.documents] == [
        ("Namespace", "micro"),
        ("ConfigMap", "07-queue-told"),
        *(
            (kind, name)
            for name, workload in (
                ("mongo", "StatefulSet"),
                ("redis", "StatefulSet"),
                ("adder-service", "Deployment"),
                ("audit-service", "Deployment"),
                ("event-service", "Deployment"),
                ("webapp", "StatefulSet"),
            )
            for kind in ("Service", workload)
        ),
        ("NetworkPolicy", "07-queue"),
        ("NetworkPolicy", "webapp-from-outside"),
    ]
    assert {each["metadata"].get("namespace") for each in made.documents} == {None, "micro"}


OTHERS = [*sorted(ROOT.glob("steps/*/fuge/fuge.yml")), ROOT / "examples" / "shop" / "fuge.yml"]


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: file.relative_to(ROOT).parts[1])
def test_every_system_of_the_course_is_valid(export: Export, file: Path) -> None:
    check(export(file, "kubernetes"))


def test_an_odd_system_is_valid(export: Export) -> None:
    made = export(ODD, "kubernetes")
    check(made)


def test_names_are_those_that_services_ask_for(export: Export) -> None:
    """The namespace is DNS_NAMESPACE, and the port of a Service has the name that is in its SRV record."""
    made = export(STEP, "kubernetes")
    service = made.manifest("Service", "adder-service")
    assert service["metadata"]["namespace"] == "micro"
    assert service["spec"]["ports"] == [{"name": "main", "port": 8080, "targetPort": 8080}]
    assert service["spec"]["clusterIP"] == "None"
    told = made.manifest("ConfigMap", "07-queue-told")["data"]
    assert (told["DNS_NAMESPACE"], told["DNS_SUFFIX"]) == ("micro", "svc.cluster.local")
    assert not {"DNS_MODE", "DNS_HOST", "DNS_PORT"} & told.keys()
    assert told["ADDER_SERVICE_SERVICE_HOST"] == "adder-service.micro.svc.cluster.local"


def test_ports_have_the_records_that_fuge_answers_with(export: Export) -> None:
    made = export(STEP, "kubernetes")
    services = [each for each in made.documents if each["kind"] == "Service"]
    names = {
        f"_{port['name']}._tcp.{each['metadata']['name']}.{each['metadata']['namespace']}.svc.cluster.local"
        for each in services
        for port in each["spec"]["ports"]
    }
    [own, *_] = zones(config.load(STEP))
    assert names == {record.name for record in own.records if record.type == "SRV"}


def test_a_service_runs_with_few_rights(export: Export) -> None:
    pod = export(STEP, "kubernetes").pod("Deployment", "adder-service")
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["volumeMounts"] == [{"name": "scratch-1", "mountPath": "/tmp"}]  # noqa: S108
    assert container["readinessProbe"] == {"tcpSocket": {"port": 8080}, "periodSeconds": 2, "timeoutSeconds": 3}
    assert container["resources"] == {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    assert container["env"] == [{"name": "SERVICE_PORT", "value": "8080"}]
    assert container["envFrom"] == [{"configMapRef": {"name": "07-queue-told"}}]
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == 5


def test_what_is_kept_has_a_claim(export: Export) -> None:
    made = export(STEP, "kubernetes")
    assert made.manifest("StatefulSet", "redis")["spec"]["volumeClaimTemplates"] == [
        {
            "metadata": {"name": "queue"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ]
    [container] = made.pod("StatefulSet", "webapp")["containers"]
    assert container["volumeMounts"][0] == {"name": "webapp-outbox", "mountPath": "/app/fuge/.fuge/outbox"}


def test_only_the_webapp_is_reached_from_outside(export: Export) -> None:
    made = export(STEP, "kubernetes")
    system = {"app.kubernetes.io/part-of": "07-queue"}
    assert made.manifest("NetworkPolicy", "07-queue")["spec"] == {
        "podSelector": {"matchLabels": system},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": system}}]}],
    }
    assert made.manifest("NetworkPolicy", "webapp-from-outside")["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "webapp"} | system},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": 3000}]}],
    }
    assert "clusterIP" not in made.manifest("Service", "webapp")["spec"]


def test_secrets_are_no_part_of_the_manifests(export: Export) -> None:
    made = export(ODD, "kubernetes")
    [secret] = secrets(made)
    assert secret["metadata"]["name"] == "price-list-secrets"
    assert secret["stringData"] == {"API_TOKEN": "a: $(b)"}
    assert "a: $(b)" not in made.output.text
    [container] = made.pod("Deployment", "price-list")["containers"]
    assert {
        "name": "API_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "price-list-secrets", "key": "API_TOKEN"}},
    } in container["env"]


def test_two_ways_to_one_port_are_one(export: Export) -> None:
    made = export("a: {type: container, image: nginx, ports: [main=8000:80, admin=8001:80]}", "kubernetes")
    check(made)
    assert [port["name"] for port in made.manifest("Service", "a")["spec"]["ports"]] == ["main"]
    assert made.notes[1] == (
        "fuge.yml:1:36 a.ports: admin leads to 80 as another port does, and is left out of its Service"
    )


def test_a_dollar_sign_is_none_of_kubernetes(export: Export) -> None:
    made = export(ODD, "kubernetes")
    [container] = made.pod("Deployment", "price-list")["containers"]
    assert {"name": "GREETING", "value": "$$(HOME)"} in container["env"]
    [database] = made.pod("StatefulSet", "db")["containers"]
    assert database["args"] == ["mongod", "--setParameter", "a=$$(b)"]


def test_what_ends_is_a_job(export: Export) -> None:
    made = export(ODD, "kubernetes")
    spec = made.manifest("Job", "migrate")["spec"]
    assert spec["backoffLimit"] == 5
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert made.manifest("Deployment", "clock")["spec"]["replicas"] == 0


def test_what_is_lost_is_told(export: Export) -> None:
    made = export(ODD, "kubernetes")
    assert [note.partition(" ")[2] for note in made.notes] == [
        "fuge_global.dns_suffix: names end with svc. and the domain of the cluster there, so that 'example.com'"
        " must be changed",
        "Price_List.depends_on: Kubernetes starts all at once: it must be able to wait by itself",
        "Price_List.restart: Kubernetes starts again whatever ends, but for jobs",
        "migrate.depends_on: Kubernetes starts all at once: it must be able to wait by itself",
        "proxy.image: what this image needs is not known, so it runs as the user that it names,"
        " and may write everywhere",
        "proxy.enabled: it is there without an instance: `kubectl scale statefulset/proxy --replicas 1` starts it",
        "proxy.volumes: Data_1 is a volume of db, too: there each instance has one of its own",
        "proxy.volumes: the folder for /etc/nginx is on this machine alone, and left out: an image can have it",
        "proxy.terminate: Kubernetes sends the signal that the image names, or else SIGTERM",
        "clock.enabled: it is there without an instance: `kubectl scale deployment/clock --replicas 1` starts it",
    ]


@pytest.mark.parametrize("namespace", ["a.b", "a_b"])
def test_a_namespace_that_is_none_is_refused(export: Export, namespace: str) -> None:
    assert export(ODD, "kubernetes").documents[0]["metadata"]["name"] == "market"
    with pytest.raises(FugeError) as caught:
        export(ODD.replace("Market", namespace), "kubernetes")
    assert str(caught.value) == (
        "Kubernetes takes as dns_namespace letters, digits and - alone, such as micro,"
        f" found {namespace!r}: give it another one"
    )
