"""Which keys a fuge.yml may have, as pydantic models, and the faults of one that has others."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from fuge.plan import fields
from fuge.plan.faults import Where, nearest, shown
from fuge.plan.fields import LIST, MAPPING, expect
from fuge.plan.places import Document, typed
from fuge.plan.system import Readiness, Service, System

GLOBAL = "fuge_global"
READINESS = "started, or a mapping with one of tcp, http, exec and log"
WORD = "<word>"
FLAG_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}  # as in YAML 1.1
FORMS = (LIST, MAPPING, WORD)
A_SHORT_LIST = 8


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


M = TypeVar("M", bound=Model)


class Inherited(Model):
    """What fuge_global says for all services, and a service for itself."""

    host: fields.Host = Service.host
    tail: fields.Flag = Service.tail
    monitor: fields.Flag = Service.monitor
    monitor_excludes: fields.Texts = Service.monitor_excludes
    auto_generate_environment: fields.Flag = Service.auto_generate_environment
    environment: fields.Environment = Field(default_factory=list)
    env_file: fields.Files = ()
    delay_start: fields.Seconds = Service.delay_start
    restart: fields.Policy = Service.restart
    restart_on_error: fields.Flag = False
    restart_delay: fields.Seconds = Service.restart_delay
    max_restarts: fields.Count = Service.max_restarts
    group: fields.Group = Service.group
    terminate: fields.Signal = Service.terminate
    grace_period: fields.Seconds = Service.grace_period


class Settings(Inherited):
    """fuge_global."""

    run_containers: fields.Flag = System.run_containers
    container_engine_url: fields.TextOrEmpty = System.container_engine_url
    monitor_polling: fields.Flag = System.monitor_polling
    dns_enabled: fields.Flag = System.dns_enabled
    dns_host: fields.Host = System.dns_host
    dns_port: fields.PortNumber = System.dns_port
    dns_namespace: fields.Domain = System.dns_namespace
    dns_suffix: fields.Domain = System.dns_suffix
    dns_external: fields.Texts = System.dns_external
    traces_enabled: fields.Flag = System.traces_enabled
    traces_port: fields.PortNumber = System.traces_port
    auto_port_start: fields.PortNumber = 10000


class Probe(Model):
    """The mapping form of readiness."""

    tcp: fields.PortName = ""
    http: fields.UrlPath = ""
    exec: fields.Command = ""
    log: fields.Expression = ""
    port: fields.PortName = ""
    interval: fields.Duration = Readiness.interval
    timeout: fields.Duration = Readiness.timeout


def form(value: object) -> str:
    return MAPPING if isinstance(value, dict) else WORD


Started = Annotated[Literal["started"], expect(READINESS, ["started"]), Tag(WORD)]


class Entry(Inherited):
    """A service. `type` is required, which is looked at elsewhere, so that it hides no other fault."""

    type: fields.Kind = Service.type
    enabled: fields.Flag = Service.enabled
    path: fields.Text = "."
    run: fields.Command = ""
    test: fields.Command = ""
    repository_url: fields.Text = ""
    replicas: fields.Instances = Service.replicas
    image: fields.Image = ""
    args: fields.Arguments = Service.args
    command: fields.Arguments = Service.args
    volumes: fields.Volumes = Service.volumes
    keep: fields.Flag = Service.keep
    ports: fields.Ports = Field(default_factory=list)
    depends_on: fields.DependsOn = Field(default_factory=list)
    readiness: Annotated[Started | Annotated[Probe, Tag(MAPPING)], Discriminator(form)] = "started"


def validate(kind: type[M], document: Document, where: Where, value: dict[str, Any]) -> M:
    """The model of a mapping. What is wrong with it becomes faults of the document, and is left out of the model."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
    for detail in details:
        complain(document, where, detail["loc"], detail.get("ctx", {}), kind)
    faulty = {detail["loc"][0] for detail in details}
    return kind.model_validate({key: item for key, item in value.items() if key not in faulty})


def complain(
    document: Document, start: Where, location: tuple[str | int, ...], context: dict[str, Any], kind: type[Model]
) -> None:
    at_key = location[-1] == "[key]"
    where = (*start, *(step for step in location if step not in (*FORMS, "[key]")))
    if not context:
        unknown_key(document, where, kind)
    elif at_key:
        document.complain(where, context["expected"], shown(where[-1]), at_key=True)
    else:
        found = shown(document.get(where), document.texts.get(where))
        document.complain(where, context["expected"], found, advice(document, where, context))


def advice(document: Document, where: Where, context: dict[str, Any]) -> str:
    value = document.get(where)
    if context.get("advice"):
        return str(context["advice"])
    if isinstance(value, str) and (flag := FLAG_WORDS.get(value.lower())) and context["expected"] == fields.FLAG:
        return f"write {flag}"
    if isinstance(value, str) and context["expected"].startswith(fields.UNQUOTED) and not isinstance(typed(value), str):
        return "write it without quotes"
    if isinstance(value, str):
        return nearest(value, context.get("known", ()))
    if context["expected"] == fields.TEXT and isinstance(value, int | float):
        return "write it in quotes"
    if context["expected"].startswith("NAME=") and isinstance(value, dict) and len(value) == 1:
        [name] = value
        return f"write {name}={document.texts.get((*where, name), 'VALUE')}"
    return ""


def unknown_key(document: Document, where: Where, kind: type[Model]) -> None:
    key, known = str(where[-1]), list(Probe.model_fields if len(where) > 2 else kind.model_fields)
    advice = nearest(key, known)
    if kind is Entry and key in Settings.model_fields:
        advice = f"it belongs in {GLOBAL}"
    elif kind is Settings and key in Entry.model_fields:
        advice = "it belongs in a service"
    elif not advice and len(known) <= A_SHORT_LIST:
        advice = f"there are {', '.join(known)}"
    document.complain(where, "a known key", repr(key), advice, at_key=True)
