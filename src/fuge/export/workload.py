"""What runs a unit in Kubernetes: a Deployment; a StatefulSet, if it keeps something; a Job, if it ends."""

from collections.abc import Iterator
from typing import Any

from fuge.export import hints, looks
from fuge.export.mounts import Mount
from fuge.export.units import Unit, Units

NAME, PART_OF = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
UNPRIVILEGED = 1024  # below it, a port needs a right, or a kernel that is told that it does not
Part = dict[str, Any]


def labels(units: Units, unit: Unit | None = None) -> dict[str, str]:
    """Those of the system, or of one of its services."""
    return ({NAME: unit.label} if unit else {}) | {PART_OF: units.project}


def told(units: Units) -> str:
    """The ConfigMap with what all services are told."""
    return f"{units.project}-told"


def secret_name(unit: Unit) -> str:
    return f"{unit.label}-secrets"


def kind(unit: Unit) -> tuple[str, str]:
    """The API's version, and the kind."""
    if unit.ends:
        return "batch/v1", "Job"
    return "apps/v1", "StatefulSet" if keeps(unit) else "Deployment"


def keeps(unit: Unit) -> bool:
    return any(mount.kind == "volume" for mount in unit.mounts)


def spec(unit: Unit, units: Units) -> Part:
    pod = {"metadata": {"labels": labels(units, unit)}, "spec": pod_spec(unit, units)}
    if unit.ends:
        again = unit.declared.max_restarts if unit.declared.restart != "never" else 0
        return {**({"suspend": True} if unit.waits else {}), "backoffLimit": again, "template": pod}
    return {
        "replicas": 0 if unit.waits else unit.declared.replicas,
        **({"serviceName": unit.label} if keeps(unit) else {}),
        "selector": {"matchLabels": labels(units, unit)},
        "template": pod,
        **({"volumeClaimTemplates": claims(unit)} if keeps(unit) else {}),
    }


def pod_spec(unit: Unit, units: Units) -> Part:
    low = any(port.number < UNPRIVILEGED for port in unit.service.ports)
    user, _, group = unit.user.partition(":")
    ids = {"runAsUser": int(user), "runAsGroup": int(group), "fsGroup": int(group)} if user else {}
    identity = {"runAsNonRoot": True, **ids} if user else {}
    sysctls = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]} if low and user else {}
    volumes = scratch(unit)
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **({"restartPolicy": "Never"} if unit.ends else {}),
        "terminationGracePeriodSeconds": hints.seconds(unit.declared.grace_period),
        "securityContext": {**identity, **sysctls, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container(unit, units)],
        **({"volumes": volumes} if volumes else {}),
    }


def container(unit: Unit, units: Units) -> Part:
    declared, ports = unit.declared, unit.service.ports
    look = None if unit.ends else probe(unit)
    mounts = [*mounted(unit)]
    shared = unit.is_told and bool(units.shared)
    own = [*variables(unit)]
    return {
        "name": unit.label,
        "image": unit.image,
        **({"imagePullPolicy": "IfNotPresent"} if unit.is_built else {}),
        **({"args": [literal(word) for word in declared.args]} if declared.args else {}),
        **({"ports": [{"containerPort": number} for number in {port.number: None for port in ports}]} if ports else {}),
        **({"envFrom": [{"configMapRef": {"name": told(units)}}]} if shared else {}),
        **({"env": own} if own else {}),
        **({"readinessProbe": look} if look else {}),
        "resources": resources(unit),
        "securityContext": security(unit),
        **({"volumeMounts": mounts} if mounts else {}),
    }


def variables(unit: Unit) -> Iterator[Part]:
    for name, value in unit.environment.items():
        yield {"name": name, "value": literal(value)}
    for name in unit.secrets:
        yield {"name": name, "valueFrom": {"secretKeyRef": {"name": secret_name(unit), "key": name}}}


def literal(value: str) -> str:
    """The same, so that Kubernetes does not take $(NAME) for a variable."""
    return value.replace("$", "$$")


def probe(unit: Unit) -> Part | None:
    ready = unit.service.readiness
    match ready.kind:
        case "tcp":
            look: Part = {"tcpSocket": {"port": looks.port(unit.service)}}
        case "http":
            look = {"httpGet": {"path": ready.what, "port": looks.port(unit.service)}}
        case "exec":
            look = {"exec": {"command": ["sh", "-c", ready.what]}}
        case _:
            return None
    return {**look, "periodSeconds": max(2, hints.seconds(ready.interval)), "timeoutSeconds": looks.PATIENCE}


def resources(unit: Unit) -> Part:
    hint = hints.of(unit)
    return {
        "requests": {"cpu": f"{1000 * hint.processor:g}m", "memory": f"{hint.memory}Mi"},
        "limits": {"memory": f"{hint.most_memory}Mi"},
    }


def security(unit: Unit) -> Part:
    if not unit.user:
        return {"allowPrivilegeEscalation": False}
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def mounted(unit: Unit) -> Iterator[Part]:
    for name, mount in names(unit):
        yield {"name": name, "mountPath": mount.target, **({"readOnly": True} if mount.read_only else {})}


def names(unit: Unit) -> Iterator[tuple[str, Mount]]:
    """Each mount with the name of its volume."""
    number = 0
    for mount in unit.mounts:
        number += mount.kind == "scratch"
        yield (f"scratch-{number}" if mount.kind == "scratch" else mount.label), mount


def scratch(unit: Unit) -> list[Part]:
    """What is there as long as the pod; of a job that is all."""
    found = {name: None for name, mount in names(unit) if mount.kind == "scratch" or unit.ends}
    return [{"name": name, "emptyDir": {}} for name in found]


def claims(unit: Unit) -> list[Part]:
    found = {name: None for name, mount in names(unit) if mount.kind == "volume"}
    size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": hints.VOLUME}}}
    return [{"metadata": {"name": name}, "spec": size} for name in found]
