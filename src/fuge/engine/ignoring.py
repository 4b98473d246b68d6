"""Which changed files concern a service: not what git ignores, nor caches, nor what fuge.yml excludes."""

from collections.abc import Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

ALWAYS = [".git/", ".hg/", ".fuge/", "__pycache__/", "*.pyc", "*.swp", "*~", "4913", ".DS_Store"]  # 4913: vim's probe
Rules = tuple[int, GitIgnoreSpec]  # the file's time of change, and what it says


class Ignoring:
    """The rules for the files below a service's folder; `excludes` have the syntax of .gitignore lines."""

    def __init__(self, folder: Path, excludes: Sequence[str]) -> None:
        self._folder = folder.resolve()
        self._excludes = GitIgnoreSpec.from_lines([*ALWAYS, *excludes])
        self._top = repository_of(self._folder) or self._folder
        self._known: dict[Path, Rules | None] = {}

    def concerns(self, path: Path) -> bool:
        """Whether a change of this file (an absolute path) is one of the service's."""
        if not path.is_relative_to(self._folder):
            return False
        end = "" if path.is_file() else "/"  # a folder, or something that is gone and may have been one
        name = path.relative_to(self._folder).as_posix() + end
        return not self._excludes.match_file(name) and not self._ignored_by_git(path, end)

    def _ignored_by_git(self, path: Path, end: str) -> bool:
        """The nearest .gitignore that has something to say about the path decides, as in git."""
        for folder in path.parents:
            rules = self._rules(folder)
            if rules:
                verdict = rules.check_file(path.relative_to(folder).as_posix() + end).include
                if verdict is not None:
                    return verdict
            if folder == self._top:
                return False
        return False

    def _rules(self, folder: Path) -> GitIgnoreSpec | None:
        file = folder / ".gitignore"
        try:
            changed = file.stat().st_mtime_ns
        except OSError:
            self._known[folder] = None
            return None
        known = self._known.get(folder)
        if known is None or known[0] != changed:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            known = self._known[folder] = (changed, GitIgnoreSpec.from_lines(lines))
        return known[1]


def repository_of(folder: Path) -> Path | None:
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)
