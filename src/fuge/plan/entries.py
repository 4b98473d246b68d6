"""The sections of a fuge.yml, each checked by itself, and what a service has from fuge_global."""

from pathlib import Path
from typing import Any

from fuge.plan import env_file, files, schema, syntax
from fuge.plan.faults import Broken, nearest, shown, shown_path, visible
from fuge.plan.places import Document
from fuge.plan.schema import GLOBAL, Entry, Inherited, Settings

ONLY = {
    "process": ("path", "run", "test", "repository_url", "replicas"),
    "container": ("image", "args", "command", "volumes", "keep"),
}
REQUIRED = {"process": ("run", "a command line"), "container": ("image", "the name of an image")}
# What becomes something else on the way from an entry to a Service.
TRANSLATED = {"environment", "env_file", "restart_on_error", "path", "ports", "depends_on", "readiness", "command"}
TWINS = (("restart", "restart_on_error"), ("args", "command"))  # two names of one thing


def read(document: Document) -> tuple[Settings, dict[str, Entry]]:
    """fuge_global and the services. Notes the faults that each has by itself."""
    settings, entries = Settings(), {}
    for name, value in document.value.items():
        if not isinstance(value, dict):
            document.complain((name,), "a mapping of settings", shown(value, document.texts.get((name,))))
        elif name == GLOBAL:
            settings = schema.validate(Settings, document, (name,), value)
        elif "type" not in value and nearest(name, [GLOBAL]):
            document.complain((name,), f"a service, or {GLOBAL}", repr(name), nearest(name, [GLOBAL]), at_key=True)
        else:
            entries[name] = schema.validate(Entry, document, (name,), value)
            check_type(document, name, entries[name], value)
        check_twins(document, name, value)
    if not document.value.keys() - {GLOBAL}:
        document.complain((), "at least one service", "none")
    return settings, entries


def check_type(document: Document, name: str, entry: Entry, value: dict[str, Any]) -> None:
    """Every key belongs to the service's type, and those that the type needs are there."""
    if "type" not in value:
        document.complain((name,), "process or container", "no such key", at_key=True, key=f"{name}.type")
    if "type" not in entry.model_fields_set:
        return
    required, expected = REQUIRED[entry.type]
    if required not in value:
        document.complain((name,), expected, "no such key", at_key=True, key=f"{name}.{required}")
    [other] = ONLY.keys() - {entry.type}
    for key in ONLY[other]:
        if key in value:
            advice = f"it belongs to a {other}"
            document.complain((name, key), f"a key of a {entry.type}", repr(key), advice, at_key=True)


def check_twins(document: Document, name: str, value: object) -> None:
    for one, other in TWINS:
        if isinstance(value, dict) and {one, other} <= value.keys():
            document.complain((name, other), f"{one} or {other}", "both", at_key=True)


def fields(settings: Settings, entry: Entry) -> dict[str, Any]:
    """The fields of a Service that its entry says, or else fuge_global, as they are there."""
    found = said(settings) | said(entry)
    if entry.type == "container":
        found["monitor"] = False
    if "command" in entry.model_fields_set:
        found["args"] = entry.command
    return found


def said(section: Inherited) -> dict[str, Any]:
    keys = section.model_fields_set & (Entry.model_fields.keys() - TRANSLATED)
    found = {key: getattr(section, key) for key in keys}
    if "restart_on_error" in section.model_fields_set:
        found["restart"] = "on-failure" if section.restart_on_error else "never"
    return found


def folder(document: Document, entry: Entry) -> tuple[Path | None, str]:
    """The folder in which a process runs, and what is wrong with it ("" if nothing). A container has none."""
    if entry.type == "container":
        return None, ""
    path = (document.file.parent / entry.path).resolve()
    kind = files.kind(path)
    if kind == "folder":
        return path, ""
    return path, visible(f"{path} is not a folder" if kind else f"the folder {path} does not exist")


def environment(document: Document, name: str, section: Inherited, base: Path) -> dict[str, str]:
    """The variables that a section sets: those of its env_file, then those of its environment.

    Paths are relative to `base`; if that does not exist, its files are not looked for.
    """
    found: dict[str, str] = {}
    for index, path in enumerate(section.env_file if files.kind(base) == "folder" else ()):
        found |= file_environment(document, (name, "env_file", index), base / path)
    if isinstance(section.environment, dict):
        return found | {key: document.texts[name, "environment", key] for key in section.environment}
    return found | {key: value for key, _, value in (item.partition("=") for item in section.environment)}


def file_environment(document: Document, where: tuple[str, str, int], path: Path) -> dict[str, str]:
    kind = files.kind(path)
    if kind != "file":
        document.complain(where, f"a file at {shown_path(path)}", "a folder" if kind == "folder" else "none")
        return {}
    try:
        found, faults = env_file.parse(syntax.read(path), path)
    except Broken as broken:
        found, faults = {}, [broken.fault]
    document.faults += faults
    return found
