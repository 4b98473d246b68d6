"""Manifests for Kubernetes: a workload and a Service for each service, and who may reach them."""

import re
import signal
from collections.abc import Iterator, Mapping
from typing import Any

from concordant import label
from concordant.naming import namespace_and_suffix
from fuge.errors import FugeError
from fuge.export import workload
from fuge.export.notes import Notes
from fuge.export.output import Output, head
from fuge.export.units import Unit, Units
from fuge.export.yaml import text
from fuge.plan.schema import GLOBAL
from fuge.plan.system import System

NAMESPACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
FILE, SECRETS = "kubernetes.yaml", "secrets.yaml"
Manifest = dict[str, Any]


def output(units: Units, notes: Notes) -> Output:
    """Raises FugeError for a dns_namespace that can be none there."""
    namespace = namespace_of(units.system)
    check_suffix(units.system, notes)
    found = [*manifests(units, namespace, notes)]
    secrets = [secret(unit, units, namespace) for unit in units.units if unit.secrets]
    start = f"kubectl apply -f {FILE}" + (f" -f {SECRETS}" if secrets else "")
    comment = head("kubernetes", units, start, notes)
    private = {SECRETS: "---\n".join(map(text, secrets))} if secrets else {}
    return Output(FILE, comment + "---\n".join(map(text, found)), private=private)


def namespace_of(system: System) -> str:
    """The namespace in which the names are that services ask for; "" for whichever kubectl takes."""
    said = system.dns_namespace.strip(".") if system.dns_enabled else ""
    if said and not NAMESPACE.fullmatch(said):
        expected = "letters, digits and - alone, such as micro"
        raise FugeError(f"Kubernetes takes as dns_namespace {expected}, found {said!r}: give it another one")
    return said.lower()


def check_suffix(system: System, notes: Notes) -> None:
    _, suffix = namespace_and_suffix(system.dns_namespace, system.dns_suffix, {})
    if system.dns_enabled and suffix and not suffix.startswith("svc."):
        reason = f"names end with svc. and the domain of the cluster there, so that {suffix!r} must be changed"
        notes.at((GLOBAL, "dns_suffix"), reason)


def manifests(units: Units, namespace: str, notes: Notes) -> Iterator[Manifest]:
    if namespace:
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    if units.shared:
        name = workload.told(units)
        yield {**about("v1", "ConfigMap", name, units, namespace), "data": dict(units.shared)}
    note_shared_volumes(units, notes)
    for unit in units.units:
        if unit.declared.depends_on:
            notes.at((unit.name, "depends_on"), "Kubernetes starts all at once: it must be able to wait by itself")
        note_what_is_lost(unit, notes)
        unit = unit.without_folders(notes)
        if unit.service.ports:
            yield service(unit, units, namespace, notes)
        version, kind = workload.kind(unit)
        yield {**about(version, kind, unit.label, units, namespace, unit), "spec": workload.spec(unit, units)}
    yield from policies(units, namespace)


def about(version: str, kind: str, name: str, units: Units, namespace: str, unit: Unit | None = None) -> Manifest:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": name,
            **({"namespace": namespace} if namespace else {}),
            "labels": workload.labels(units, unit),
        },
    }


def note_shared_volumes(units: Units, notes: Notes) -> None:
    owners: dict[str, str] = {}
    for unit in units.units:
        for mount in unit.mounts:
            if mount.kind == "volume" and (owner := owners.setdefault(mount.source, unit.name)) != unit.name:
                reason = f"{mount.source} is a volume of {owner}, too: there each instance has one of its own"
                notes.at((unit.name, "volumes"), reason)


def note_what_is_lost(unit: Unit, notes: Notes) -> None:
    declared = unit.declared
    if not unit.ends:
        if declared.restart != "always":
            notes.of(unit.name, "restart", "Kubernetes starts again whatever ends, but for jobs")
            notes.of(unit.name, "restart_on_error", "Kubernetes starts again whatever ends, but for jobs")
        notes.of(unit.name, "max_restarts", "Kubernetes goes on for ever, with pauses of up to five minutes")
    notes.of(unit.name, "restart_delay", "Kubernetes has its own pauses between restarts")
    if declared.terminate != signal.SIGTERM and not unit.is_built:
        notes.of(unit.name, "terminate", "Kubernetes sends the signal that the image names, or else SIGTERM")
    if unit.ends and workload.keeps(unit):
        notes.of(unit.name, "volumes", "what a job has written there goes with it")
    if unit.waits:
        _, kind = workload.kind(unit)
        scale = f"kubectl scale {kind.lower()}/{unit.label} --replicas 1"
        begin = f'kubectl patch job/{unit.label} -p \'{{"spec":{{"suspend":false}}}}\''
        command = begin if unit.ends else scale
        notes.at((unit.name, "enabled"), f"it is there without an instance: `{command}` starts it")


def service(unit: Unit, units: Units, namespace: str, notes: Notes) -> Manifest:
    """What is called from inside has no address of its own, so that callers find each instance, as with fuge.

    What is called from outside has one, for whatever leads there.
    """
    ports: dict[int, Manifest] = {}
    for port in unit.service.ports:
        if port.number in ports:
            reason = f"{port.name} leads to {port.number} as another port does, and is left out of its Service"
            notes.at((unit.name, "ports"), reason)
        else:
            ports[port.number] = {"name": label(port.name), "port": port.number, "targetPort": port.number}
    return {
        **about("v1", "Service", unit.label, units, namespace, unit),
        "spec": {
            **({} if unit.outside else {"clusterIP": "None"}),
            "selector": workload.labels(units, unit),
            "ports": [*ports.values()],
        },
    }


def secret(unit: Unit, units: Units, namespace: str) -> Manifest:
    manifest = about("v1", "Secret", workload.secret_name(unit), units, namespace, unit)
    return {**manifest, "type": "Opaque", "stringData": dict(unit.secrets)}


def policies(units: Units, namespace: str) -> Iterator[Manifest]:
    """All of the system may talk to all of it, and nobody else; but what has a port for the outside, by that."""
    everyone = {"podSelector": {"matchLabels": workload.labels(units)}}
    yield policy(units.project, units, namespace, workload.labels(units), [{"from": [everyone]}])
    for unit in units.units:
        if unit.outside:
            ports = [{"protocol": "TCP", "port": port.number} for port in unit.outside]
            name = f"{unit.label}-from-outside"
            yield policy(name, units, namespace, workload.labels(units, unit), [{"ports": ports}])


def policy(name: str, units: Units, namespace: str, pods: Mapping[str, str], ingress: list[Manifest]) -> Manifest:
    return {
        **about("networking.k8s.io/v1", "NetworkPolicy", name, units, namespace),
        "spec": {"podSelector": {"matchLabels": pods}, "policyTypes": ["Ingress"], "ingress": ingress},
    }
