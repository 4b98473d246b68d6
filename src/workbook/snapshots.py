"""A folder of source files as a plain mapping: {path with slashes: content}."""

from pathlib import Path

Snapshot = dict[str, bytes]

NOT_SOURCE = {"__pycache__", ".fuge", ".ipynb_checkpoints", ".DS_Store"}


def read(folder: Path) -> Snapshot:
    """Every file below `folder` except what programs leave behind; empty if there is no such folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    relative = {path.relative_to(folder): path for path in paths}
    return {name.as_posix(): path.read_bytes() for name, path in relative.items() if not NOT_SOURCE & set(name.parts)}


def write(snapshot: Snapshot, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in snapshot.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def differences(expected: Snapshot, found: Snapshot) -> dict[str, str]:
    """What of `found` is not as expected: {path: "missing", "not expected" or "different"}."""
    result = {}
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            result[name] = "missing"
        elif name not in expected:
            result[name] = "not expected"
        elif expected[name] != found[name]:
            result[name] = "different"
    return result
