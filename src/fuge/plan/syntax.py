"""From the text of a fuge.yml to YAML's nodes, and from a parser's complaint to a fault."""

import re
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import Node
from ruamel.yaml.reader import ReaderError

from fuge.plan.faults import Broken, Fault, Place, shown_path

MAX_DEPTH = 100

# What the parser says -> what was expected, what was found. {line} is the line in which the parser began.
COMPLAINTS = {
    r"mapping values are not allowed": (
        "one `key: value` a line, indented as its neighbours (quote a text with a colon in it)",
        "a colon",
    ),
    r"sequence entries are not allowed": ("a list to begin on a line of its own", "a '-' after a key"),
    r"found character '\\t'": ("spaces", "a tab"),
    r"found character (.+) that cannot start": ("a value (a text that begins with {0} must be in quotes)", "{0}"),
    r"could not find expected ':'": ("a colon after the key", "none"),
    r"found undefined alias '(.+)'": ("an anchor &{0} before the alias *{0}", "none"),
    r"found undefined tag handle '(.+)'": ("a value without a tag", "the tag {0}"),
    r"found unknown escape character '(.+)'": (
        r"an escape such as \n or \\ (in single quotes \ is just itself)",
        r"\{0}",
    ),
    r"found unexpected end of stream": ("the closing quote of the text that begins here", "none"),
    r"expected ('[,?].*'), but got (.+)": ("{0} for what begins in line {line}", "{1}"),
    r"found another document": ("one document", "another one"),
    r"found '<block \w+ start>'": ("the indentation of line {line}", "another"),
    r"found '<scalar>'": ("the end of the line", "text after a value"),
    r"more indented follow up line": (
        "the first line of a text to be indented as those after it, even if it is empty",
        "a line that is indented further",
    ),
    r"found '-'": ("the next key of the mapping that begins in line {line}", "a list item"),
    r"found '\?'": ("the next item of the list that begins in line {line}", "a key"),
    r"maximum depth": (f"at most {MAX_DEPTH} levels of values in values", "more"),
    r"expected '<document start>', but found \((.+),\)": ("the end of the file", "{0}"),
    r"expected (.+?),? but (?:found|got) (.+)": ("{0}", "{1}"),
}
PARSERS_WORDS = {
    "'<stream end>'": "the end of the file",
    "<block end>": "the end of a value",
    "the node content": "a value",
}


def read(file: Path) -> str:
    """The text of a file in UTF-8. Raises Broken if there is none."""
    try:
        content = file.read_bytes()
    except IsADirectoryError:
        raise broken(file, Place(0, 0), "a file", "a folder", f"write {shown_path(file / 'fuge.yml')}") from None
    except FileNotFoundError:
        raise broken(file, Place(0, 0), "a file", "none") from None
    except OSError as problem:
        raise broken(file, Place(0, 0), "a file that can be read", problem.strerror or str(problem)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before, wrong = problem.object[: problem.start].decode(), problem.object[problem.start]
        raise broken(file, place_after(before), "UTF-8", f"the byte 0x{wrong:02x}") from None


def compose(file: Path, text: str) -> Node | None:
    """The tree of nodes of a YAML document, None if it is empty. Raises Broken if it is no YAML."""
    yaml = YAML(typ="safe", pure=True)  # the default keeps marks in folded texts
    yaml.max_depth = MAX_DEPTH
    yaml.composer.warn_double_anchors = False  # a later anchor of the same name wins, as YAML has it
    try:
        node: Node | None = yaml.compose(text)
    except ReaderError as problem:
        raise broken(
            file, place_after(text[: problem.position]), "text", f"U+{ord(text[problem.position]):04X}"
        ) from None
    except MarkedYAMLError as problem:
        raise translated(file, problem) from None
    except Exception as problem:  # such as an AssertionError, for a %YAML that it does not know
        raise broken(file, Place(1, 1), "YAML 1.1 or 1.2", f"what its parser fails at: {problem}") from None
    return node


def translated(file: Path, problem: MarkedYAMLError) -> Broken:
    said = str(problem.problem or problem.context)
    began = problem.context_mark or problem.problem_mark
    mark = began if re.search("end of stream|could not find", said) else problem.problem_mark or began
    for pattern, (expected, found) in COMPLAINTS.items():
        if match := re.search(pattern, said):
            parts = [PARSERS_WORDS.get(part, part) for part in match.groups()]
            return broken(file, place(mark), *(text.format(*parts, line=began.line + 1) for text in (expected, found)))
    return broken(file, place(mark), "YAML", f"this: {said}")


def tag(node: Node) -> str:
    """The tag that is written before a node; "" if none is."""
    handle, suffix = node.ctag.handle, node.ctag.suffix
    return f"{handle}{suffix}" if handle else "" if suffix.startswith("tag:yaml.org,2002:") else f"!<{suffix}>"


def place(mark: object) -> Place:
    """The place of one of the parser's marks, which count from 0."""
    return Place(getattr(mark, "line", -1) + 1, getattr(mark, "column", -1) + 1)


def place_after(before: str) -> Place:
    lines = before.split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


def broken(file: Path, at: Place, expected: str, found: str, advice: str = "") -> Broken:
    return Broken(Fault(file, at, "", expected, found, advice))
