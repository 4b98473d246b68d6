"""The documentation is true: examples run, commands exist, tables and reference are those of the code."""

import contextlib
import os
import re
import runpy
import shlex
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docs_pages import PAGES, Block, Folder, all_blocks, blocks, rows
from mu_brokers import RedisBroker
from pydantic import BaseModel
from ruamel.yaml import YAML

import concordant
import concordant.__main__
import fuge
import mu
import workbook.cli
from fuge.faces import cli, commands
from fuge.faces.arguments import UsageError
from fuge.plan import schema
from workbook.course import ROOT

REDIS = "6379"
LANGUAGES = {"python", "yaml", "sh", "text", ""}
OTHERS = {"cd", "source", "dig", "docker", "kubectl", "jupytext", "cp"}  # programs that are not ours to parse


def those_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def name_of(value: object) -> str:
    return value.stem if isinstance(value, Path) else str(value)


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A page may change the working folder's content and the environment, for itself."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    for name in ("FUGE_PORTS", "FUGE_DATA"):
        os.environ.pop(name, None)
    yield
    os.environ.clear()
    os.environ.update(before)


# Blocks -----------------------------------------------------------------------------------------------------------


def test_blocks_are_in_languages_that_are_tested() -> None:
    found = {(str(block), block.language) for page in PAGES for block in blocks(page)}
    assert {each for each in found if each[1] not in LANGUAGES} == set()


@pytest.mark.parametrize("page", those_with("python"), ids=name_of)
async def test_python_of_a_page_runs(page: Path, surroundings: None, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        given = {}
        if any(REDIS in block.text for block in blocks(page) if block.language == "python"):
            broker = RedisBroker(tmp_path / "redis")
            stack.callback(broker.kill)
            await broker.start()
            given[REDIS] = broker.port
        folder = Folder(tmp_path, page, given)
        stack.callback(folder.close)
        for block in blocks(page):
            if block.language == "yaml":
                folder.write(block)
            elif block.language == "python":
                await folder.run(block)


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=name_of)
def test_yaml_is_what_fuge_takes(block: Block, tmp_path: Path) -> None:
    if "apiVersion:" in block.text:
        for manifest in YAML(typ="safe").load_all(block.text):
            assert manifest["kind"]
            assert concordant.label(manifest["metadata"]["name"]) == manifest["metadata"]["name"]
        return
    file = tmp_path / "fuge.yml"
    file.write_text(block.text, encoding="utf-8")
    assert fuge.load(file, environment={}).services


@pytest.mark.parametrize("block", all_blocks("sh"), ids=name_of)
def test_commands_exist(block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        for words in simple_commands(line):
            parse(words)


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line, without settings in front and files that output goes to."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.wordchars += "[],@:%"
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in (";", "|", "&&", "||", "&"):
            if words:
                yield words[: words.index(">")] if ">" in words else words
            words = []
        elif words or not re.match(r"[A-Z_]+=", word):
            words.append(word)


def parse(words: list[str]) -> None:
    """By the program's own parser, which complains of what it does not know."""
    match words:
        case ["fuge", *rest]:
            cli.parser().parse_args(rest)
        case ["workbook", *rest]:
            workbook.cli.parser().parse_args(rest)
        case ["python", "-m", "concordant", *rest]:
            concordant.__main__.parser().parse_args(rest)
        case ["python", file, *_]:
            assert any((ROOT / folder / file).is_file() for folder in (".", "examples/shop")), words
        case ["pip", "install", what]:
            extras = re.search(r"\[(.*)\]", what)
            assert set(extras[1].split(",") if extras else ()) <= optional_dependencies().keys()
        case ["make", *targets]:
            known = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert [each for each in targets if "=" not in each and f"\n{each}:" not in known] == []
        case _:
            assert words[0] in OTHERS, words


SPAN = re.compile(r"`(fuge [^`]+)`")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_within_sentences_exist(page: Path) -> None:
    """They may lack what they are about, as `fuge run` does."""
    prose = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    commands = set(SPAN.findall(prose)) - {"fuge COMMAND --help"}
    assert {command: said for command in commands if (said := complaint(command))} == {}


def complaint(command: str) -> str:
    try:
        cli.parser().parse_args(shlex.split(command)[1:])
    except UsageError as error:
        return "" if str(error).startswith("the following arguments are required") else str(error)
    return ""


def optional_dependencies() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(project["optional-dependencies"])


@pytest.mark.parametrize("page", those_with("sh"), ids=name_of)
def test_a_tour_in_the_shell_goes_as_shown(page: Path, tmp_path: Path) -> None:
    """From a block that goes into a folder of the examples to the one that takes the system down."""
    folder = Folder(tmp_path, page, {})
    here: Path | None = None
    for block in blocks(page):
        if block.language != "sh":
            continue
        if entered := re.match(r"cd (examples/\w+)\n", block.text):
            here = tmp_path
        if here is None:
            continue
        try:
            folder.shell(block, here)
        except BaseException:
            stop(tmp_path)
            raise
        here = tmp_path / entered[1] if entered else here
        if "fuge down" in block.text:
            here = None
    assert here is None


def stop(folder: Path) -> None:
    for card in folder.rglob("engine.json"):
        with contextlib.suppress(ProcessLookupError, AttributeError, ValueError):
            os.kill(int(re.search(r'"pid": (\d+)', card.read_text())[1]), signal.SIGTERM)  # type: ignore[index]


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / "docs" / "reference").glob("*.md")], ids=name_of)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        path = page.parent / file if file else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# The reference ----------------------------------------------------------------------------------------------------

reference = runpy.run_path(str(ROOT / "docs" / "reference.py"))


@pytest.mark.parametrize("library", reference["LIBRARIES"])
def test_reference_is_up_to_date(library: str) -> None:
    written = (ROOT / "docs" / "reference" / f"{library}.md").read_text(encoding="utf-8")
    assert written == reference["page"](library), "run `python docs/reference.py`"


@pytest.mark.parametrize("library", [mu, fuge, concordant], ids=lambda library: library.__name__)
def test_everything_public_has_a_docstring(library: Any) -> None:
    page = (ROOT / "docs" / "reference" / f"{library.__name__}.md").read_text(encoding="utf-8")
    for name in library.__all__:
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert re.sub("(?s)```.*?```", "", section).strip(), name
        found = getattr(library, name)
        for each, value in vars(found).items() if isinstance(found, type) else ():
            if not each.startswith("_") and (callable(value) or isinstance(value, property)):
                assert any(getattr(vars(base).get(each), "__doc__", None) for base in found.__mro__), f"{name}.{each}"


@pytest.mark.parametrize("library", [mu, fuge, concordant], ids=lambda library: library.__name__)
def test_libraries_are_typed(library: Any) -> None:
    assert (Path(library.__file__).parent / "py.typed").is_file()


# Tables -----------------------------------------------------------------------------------------------------------


def test_table_of_mus_errors() -> None:
    found = {name: (handled, again, status) for name, _, handled, again, status in rows("docs/mu.md", "### The errors")}
    kinds = [
        each for name in mu.__all__ if isinstance(each := getattr(mu, name), type) and issubclass(each, mu.MuError)
    ]
    words = {True: "yes", False: "no"}
    assert found == {
        kind.__name__: (words[kind.default_sent], words[kind.temporary], str(kind.default_status))
        for kind in kinds
        if kind not in (mu.MuError, mu.TransportError, mu.FrameworkError)
    }


def test_table_of_fuges_exit_codes() -> None:
    found = dict(row[:2] for row in rows("docs/fuge.md", "## Exit codes"))
    errors = [fuge.FugeError, fuge.ConfigError, fuge.NoEngineError, fuge.NotReadyError]
    assert [str(error.exit_code) for error in errors] == [code for code in found if code in "1234"]


TABLES: list[tuple[str, type[BaseModel], type[BaseModel] | None]] = [
    ("### Keys of a service", schema.Entry, None),
    ("### Keys of fuge_global alone", schema.Settings, schema.Inherited),
    ("### Keys of readiness", schema.Probe, None),
]


@pytest.mark.parametrize(("heading", "model", "without"), TABLES)
def test_table_of_keys(heading: str, model: type[BaseModel], without: type[BaseModel] | None) -> None:
    others = without.model_fields if without else {}
    expected = {name: default(name, field.default) for name, field in model.model_fields.items() if name not in others}
    assert {row[0]: row[-1] for row in rows("docs/fuge.md", heading)} == expected


def test_keys_that_may_stand_in_both_are_marked() -> None:
    marked = {key for key, where, *_ in rows("docs/fuge.md", "### Keys of a service") if where == "both"}
    assert marked == set(schema.Inherited.model_fields)


def default(name: str, value: Any) -> str:
    """As a fuge.yml would say it."""
    if name in ("type", "run", "image", "readiness"):  # required, or by the service's ports
        return {"type": "required", "readiness": "by ports"}.get(name, "required")
    if name == "terminate":
        return signal.Signals(value).name
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return value if isinstance(value, str) and value else "none"


def test_every_command_of_fuge_is_on_its_page() -> None:
    alone = {"shell", "up", "run", "down", "check", "doctor", "completion", "version"}
    text = (ROOT / "docs" / "fuge.md").read_text(encoding="utf-8")
    table = {row[0].split()[1] for row in rows("docs/fuge.md", "## Commands")}
    assert table == alone | set(commands.COMMANDS)
    assert "--json" in text


def test_table_of_concordants_errors() -> None:
    found = {row[0]: (row[1], row[2]) for row in rows("docs/concordant.md", "## Errors")}
    kinds = [getattr(concordant, name) for name in concordant.__all__ if name[0].isupper() and name != "Endpoint"]
    words = {True: "yes", False: "no"}
    assert found == {
        kind.__name__: (kind.code, words[kind.temporary]) for kind in kinds if kind is not concordant.ConcordantError
    }
