"""Docker's SDK, its errors turned into ours. Only this module imports it."""

import contextlib
import socket
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from fuge.errors import FugeError, NoEngineError

CONNECT = 2  # seconds within which an engine must answer first


class Refusal(FugeError):
    """The engine has answered, and said no; `status` is that of its HTTP answer."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Whether there is no such container, image or volume."""
        return self.status == 404


def sdk() -> Any:
    """Docker's SDK. Raises NoEngineError if it is not installed."""
    try:
        import docker  # type: ignore[import-untyped]
    except ImportError as error:
        raise NoEngineError(
            f"Docker's SDK for Python is not here ({error}): pip install docker (it is in the extra `containers`)"
        ) from None
    return docker


@contextlib.contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the SDK's errors, and those of the libraries below it, into ours."""
    from urllib3.exceptions import HTTPError

    errors = sdk().errors
    try:
        probe(url)
        yield
    except errors.APIError as error:
        raise Refusal(str(error.explanation or error).strip(), error.status_code or 0) from None
    except (errors.DockerException, HTTPError, HTTPException, OSError) as error:
        raise NoEngineError(unreachable(url, plain(url, error))) from None


def plain(url: str, error: Exception) -> Exception:
    """The same in the words of the system, if it cannot be reached."""
    try:
        probe(url)
    except OSError as found:
        return found
    return error


def probe(url: str) -> None:
    """Raises an OSError if nothing accepts a connection: the SDK would hide it, and leave its socket open."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(CONNECT)
            connection.connect(f"/{parts.netloc}{parts.path}" if parts.netloc else parts.path)
    elif parts.scheme in ("tcp", "http", "https") and parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), CONNECT).close()


def silent(url: str, seconds: float | None) -> str:
    advice = "restart it (sudo systemctl restart docker)"
    return f"the Docker engine at {url} does not answer within {seconds:g} s: {advice}"


def unreachable(url: str, error: Exception) -> str:
    """Why an engine cannot be reached, and what can be done."""
    if isinstance(error, PermissionError):
        advice = "join the group docker (sudo usermod -aG docker $USER) and log in again"
        return f"you may not use the Docker engine at {url}: {advice}"
    if isinstance(error, FileNotFoundError):
        return f"no Docker engine at {url}: there is no such socket; start Docker, or name another by DOCKER_HOST"
    if isinstance(error, ConnectionRefusedError):
        return f"no Docker engine at {url}: nothing listens there; start Docker, or name another by DOCKER_HOST"
    if isinstance(error, TimeoutError | BlockingIOError) or "timed out" in str(error):
        return silent(url, CONNECT)
    return f"no Docker engine at {url}: {getattr(error, 'strerror', None) or error}"
