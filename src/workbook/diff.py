"""Shows what changes from one step to another: each file's reason, then its lines."""

import difflib

from workbook import snapshots
from workbook.course import Recipe, recipes


def changes(old: Recipe, new: Recipe) -> list[tuple[str, str, str, str]]:
    """For each file that differs: its path, what happened to it, why, and the unified diff."""
    before, after = snapshots.read(old.step), snapshots.read(new.step)
    verbs = {"missing": "removed", "not expected": "added", "different": "changed"}
    return [
        (name, verbs[how], reason(name, old, new), unified(name, before.get(name), after.get(name)))
        for name, how in snapshots.differences(before, after).items()
    ]


def reason(name: str, old: Recipe, new: Recipe) -> str:
    """The manifest's reasons of all steps on the way."""
    first, last = sorted((recipes().index(old), recipes().index(new)))
    said = (step.reasons.get(name, "") for step in recipes()[first + 1 : last + 1])
    return "; ".join(text for text in said if text)


def unified(name: str, old: bytes | None, new: bytes | None, context: int = 3) -> str:
    def lines(content: bytes | None) -> list[str]:
        return (content or b"").decode(errors="replace").splitlines(keepends=True)

    return "".join(
        difflib.unified_diff(
            lines(old),
            lines(new),
            "/dev/null" if old is None else f"a/{name}",
            "/dev/null" if new is None else f"b/{name}",
            n=context,
        )
    )


def as_text(old: Recipe, new: Recipe) -> str:
    """Everything, as a text that a terminal shows in colours when it is read as a diff."""
    found = changes(old, new)
    if not found:
        return f"Steps {old.number} and {new.number} are the same.\n"
    summary = [f"{how:8} {name}  ({why})" if why else f"{how:8} {name}" for name, how, why, _ in found]
    parts = [f"\n# {name}: {how}. {why}\n{lines}" for name, how, why, lines in found]
    return "\n".join(summary) + "\n" + "".join(parts)
