"""What this package raises, and the exit code that each error ends a command with."""

OF_UNIX = {"fcntl", "pty", "termios", "tty"}
IN_FUGE = ("dnslib", "pathspec", "prompt_toolkit", "pydantic", "pydantic_core", "ruamel", "watchfiles")
IN_UI = ("aiohttp", "google", "opentelemetry")
EXTRAS = dict.fromkeys(IN_FUGE, "fuge") | dict.fromkeys(IN_UI, "ui")  # which one has a package


class FugeError(Exception):
    """Something that the user can put right; the text says what was expected, what was found, what can be done."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class ConfigError(FugeError):
    """The fuge.yml is not as it must be; the text has a line `file:line:column key: ...` for each fault."""

    exit_code = 2


class NoEngineError(FugeError):
    """There is no container engine that could run a container."""

    exit_code = 3


class NotReadyError(FugeError):
    """A service did not get ready: its port is taken, it ended, or its time ran out."""

    exit_code = 4


class NotRunningError(FugeError):
    """Nothing runs for this fuge.yml: the command needs a `fuge up` or a shell elsewhere."""


class NotInstalledError(FugeError, ImportError):
    """What fuge needs is missing: a package, and the text names the extra that has it; or a system like Unix."""


def without_package(error: ModuleNotFoundError) -> ImportError:
    """The error for a module that could not be imported; the same one if it is nothing that fuge knows of."""
    package = (error.name or "").partition(".")[0]
    if package in OF_UNIX:
        advice = "on Windows use WSL, where all of it works"
        return NotInstalledError(f"expected Linux, macOS or WSL, found a system without Unix's {package}: {advice}")
    if package not in EXTRAS:
        return error
    extra = EXTRAS[package]
    advice = f'install the extra {extra} (pip install "microservices-workbook[{extra}]")'
    return NotInstalledError(f"expected the package {package}, found none: {advice}")
