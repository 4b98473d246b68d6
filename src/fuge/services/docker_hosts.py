"""Where the Docker engine is, as the docker command looks for it, but that a fuge.yml may say it too."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Host:
    """`said_by` is the setting that names this engine, and no other then; "" when nobody has chosen it."""

    url: str
    said_by: str = ""


def find(setting: str = "", environment: Mapping[str, str] = os.environ) -> Host:
    """container_engine_url, DOCKER_HOST, DOCKER_CONTEXT or the docker command's context, else its usual socket."""
    if setting:
        return Host(f"unix://{setting}" if setting.startswith("/") else setting, "container_engine_url")
    if url := environment.get("DOCKER_HOST"):
        return Host(url, "DOCKER_HOST")
    folder = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    context = environment.get("DOCKER_CONTEXT") or read(folder / "config.json").get("currentContext")
    if context and context != "default":
        meta = folder / "contexts" / "meta" / hashlib.sha256(context.encode()).hexdigest() / "meta.json"
        if url := read(meta).get("Endpoints", {}).get("docker", {}).get("Host"):
            return Host(url)
    return Host(DEFAULT)


def read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
