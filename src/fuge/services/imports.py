"""What a Python script imports when it is loaded, read from its source without running it."""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)  # all that an import can be in


def imported(script: Path) -> list[str]:
    """The modules that the script and its own modules import at their top, in that order, its own left out.

    `from x import y` gives x and x.y, since y may be a module. What only a function or a type checker imports is
    left out: it may never be needed.
    """
    script = script.resolve()  # as Python does: beside the file that a link leads to are its own modules
    folder = script.parent
    found: dict[str, None] = {}
    seen = {script}
    waiting = [named_in(script, folder)]
    while waiting:
        name = next(waiting[-1], None)
        if name is None:
            waiting.pop()
            continue
        own = own_files(folder, name)
        if not own:
            found[name] = None
        new = [source for source in own if source not in seen]
        seen.update(new)
        waiting += [named_in(source, folder) for source in reversed(new)]
    return list(found)


def own_files(folder: Path, name: str) -> list[Path]:
    """What is run for `import name` if it belongs to the script's folder: a package before what is in it."""
    files: list[Path] = []
    path = folder
    for part in name.split("."):
        path /= part
        candidates = (path / "__init__.py", path.with_name(f"{part}.py"), path)
        existing = next((each for each in candidates if each.exists()), None)
        if existing is None:
            break
        files.append(existing)
    return files


def named_in(source: Path, folder: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):  # a folder, or a mistake that Python will report
        return
    package = source.parent.relative_to(folder).parts
    waiting: list[ast.AST] = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            if module and len(package) >= node.level:
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.If) and is_type_checking(node.test):
            waiting.extend(reversed(node.orelse))
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting.extend(reversed([each for each in ast.iter_child_nodes(node) if isinstance(each, BLOCKS)]))


def is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))
