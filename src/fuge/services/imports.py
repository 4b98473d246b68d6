"""What a Python script imports when it is loaded, read from its source without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path


def imported(script: Path) -> list[str]:
    """The modules that the script and its own modules import at their top, in that order, its own left out.

    `from x import y` gives x and x.y, since y may be a module. What only a function imports is left out: it may
    never be needed.
    """
    found: dict[str, None] = {}
    seen: set[Path] = set()
    waiting = [script]
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        for name in named_in(source):
            own = own_file(script.parent, name)
            if own:
                waiting.append(own)
            elif not own_file(script.parent, name.partition(".")[0]):
                found[name] = None
    return list(found)


def own_file(folder: Path, name: str) -> Path | None:
    """The file of module `name` if it belongs to the script's folder."""
    path = folder.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py", path):
        if candidate.exists():
            return candidate
    return None


def named_in(source: Path) -> Iterator[str]:
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):  # a folder, or a mistake that Python will report when it runs this
        return
    waiting: list[ast.AST] = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))
