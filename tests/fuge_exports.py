"""What an export makes of a fuge.yml: its text, its values, and what it cannot say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from fuge.export.output import Output


@dataclass
class Made:
    output: Output
    notes: list[str]

    @property
    def documents(self) -> list[dict[str, Any]]:
        return values(self.output.text)

    @property
    def content(self) -> dict[str, Any]:
        [content] = self.documents
        return content

    @property
    def services(self) -> dict[str, Any]:
        """Of a Compose file, its services."""
        return dict(self.content["services"])

    def manifest(self, kind: str, name: str) -> dict[str, Any]:
        [found] = [each for each in self.documents if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        return found

    def pod(self, kind: str, name: str) -> dict[str, Any]:
        return dict(self.manifest(kind, name)["spec"]["template"]["spec"])


def values(text: str) -> list[dict[str, Any]]:
    """As a parser of YAML 1.2 reads it; one of 1.1, such as Go's, must read the same."""
    found = []
    for version in ((1, 2), (1, 1)):
        parser = YAML(typ="safe", pure=True)
        parser.version = version
        found.append(list(parser.load_all(text)))
    assert found[0] == found[1]
    return found[0]


Export = Callable[..., Made]
