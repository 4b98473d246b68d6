"""The files of micro/: edited, imported, removed."""

import difflib
import importlib
import os
import sys
from types import ModuleType

from workbook import cells, micro, node
from workbook.errors import WorkbookError
from workbook.notebook import reader


def edit(path: str, old: str, new: str) -> None:
    """Put `new` in the place of `old`, which must stand once in a file of micro/, as an editor would.

    A cell that is run twice changes the file once.
    """
    file = reader.MICRO / path
    before = file.read_text(encoding="utf-8")
    if cells.is_changed(before, old, new):
        print(f"{micro.NAME}/{path} has this change already")
        return
    after = cells.replaced(before, old, new, path)
    file.write_text(after, encoding="utf-8", newline="\n")
    print(f"{micro.NAME}/{path}:")
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line[0] in "+-":
            print(line)


def remove(path: str) -> None:
    """Delete a file of micro/."""
    (reader.MICRO / path).unlink()
    print(f"Removed {micro.NAME}/{path}")


def rename(old: str, new: str) -> None:
    """Move a file within micro/."""
    (reader.MICRO / new).parent.mkdir(parents=True, exist_ok=True)
    (reader.MICRO / old).rename(reader.MICRO / new)
    print(f"Renamed {micro.NAME}/{old} to {new}")


def module(path: str) -> ModuleType:
    """A Python file of micro/ as it is now, imported as if this were a program in its folder."""
    file = reader.MICRO / path
    folder, writes = str(file.parent.resolve()), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True  # what is edited twice in a second would be taken from there
    importlib.invalidate_caches()
    try:
        return importlib.import_module(file.stem)
    finally:
        sys.dont_write_bytecode = writes
        sys.path.remove(folder)
        for name, loaded in list(sys.modules.items()):
            if str(getattr(loaded, "__file__", None)).startswith(f"{folder}{os.sep}"):
                del sys.modules[name]


def node_modules() -> bool:
    """Put Node's mu into micro/, for services there; where there is no Node, say so and return False."""
    try:
        modules = node.modules()
    except WorkbookError as problem:
        print(f"left out: {problem}")
        return False
    link = reader.MICRO / "node_modules"
    if not link.exists():
        link.symlink_to(modules, target_is_directory=True)
    print(f"micro/node_modules: {', '.join(sorted(path.name for path in modules.glob('mu*')))}")
    return True
