"""What can come next on a command line: for the shell's Tab key, and for those of bash, zsh and fish."""

from collections.abc import Sequence

from fuge.faces.commands import COMMANDS
from fuge.plan.system import System

ALONE = ["up", "down", "run", "shell", "check", "doctor", "completion", "version"]  # on the command line only

SCRIPTS = {
    "bash": """_fuge() {
  local IFS=$'\\n'
  COMPREPLY=($(fuge _complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _fuge fuge
""",
    "zsh": """#compdef fuge
_fuge() { compadd -- ${(f)"$(fuge _complete "${(@)words[2,$CURRENT]}" 2>/dev/null)"} }
compdef _fuge fuge
""",
    "fish": """complete -c fuge -f -a '(set -l words (commandline -opc) (commandline -ct); fuge _complete $words[2..])'
""",
}


def completions(words: Sequence[str], system: System | None, commands: Sequence[str]) -> list[str]:
    """What the last of the words, which may be empty, can become."""
    *before, last = words or [""]
    if not before:
        return matching(last, commands)
    command = COMMANDS.get(before[0])
    kind = command.completes if command else "service" if before[0] == "run" else "services"
    if not system or not kind or (command is None and before[0] not in ("run", "up")):
        return []
    names = list(system.everything)
    if kind == "service":
        return matching(last, names if len(before) == 1 else ["full"] if before[0] == "info" else [])
    groups = [group for group in system.groups if group != "default"]
    return [name for name in matching(last, [*names, *groups, "all"]) if name not in before]


def matching(start: str, candidates: Sequence[str]) -> list[str]:
    return [candidate for candidate in candidates if candidate.startswith(start)]
