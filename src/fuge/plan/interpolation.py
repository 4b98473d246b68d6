"""${NAME} in the texts of a fuge.yml: replaced by what the environment has."""

import re
from collections.abc import Callable, Mapping

REFERENCE = re.compile(
    r"""\$\$
    | \$\{ (?P<name>[A-Za-z_][A-Za-z0-9_]*) (?: (?P<operator>:?-) (?P<default>(?:(?!\$\{)[^}])*) )? \}
    | \$\{ (?P<wrong>[^}]*\}?)""",
    re.VERBOSE,
)


def expand(text: str, environment: Mapping[str, str], complain: Callable[[str, str], None]) -> str:
    """`text` with each ${NAME}, ${NAME:-default} and ${NAME-default} replaced, and $$ by $.

    `complain` is called with what was expected and what was found for each that cannot be, which is left as it is.
    """

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, operator = match["name"], match["operator"]
        if name is None:
            complain("${NAME}, ${NAME:-default} or ${NAME-default} ($$ for a dollar sign)", repr(match[0]))
            return match[0]
        value = environment.get(name)
        if value or (value is not None and operator != ":-"):
            return value
        if operator is None:
            complain(f"${{{name}}} to be set, or a default ${{{name}:-...}}", "neither")
            return match[0]
        return match["default"]

    return REFERENCE.sub(replace, text)
