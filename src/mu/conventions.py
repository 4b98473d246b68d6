"""What messages and their errors are called where OpenTelemetry is told of them: by its conventions for remote calls.

https://opentelemetry.io/docs/specs/semconv/rpc/ What is mu's alone begins with `mu`.
"""

from typing import Any

from mu.errors import MuError
from mu.patterns import Pattern, shown

Attributes = dict[str, Any]


def of_message(at: str, pattern: Pattern) -> Attributes:
    """Of one at the Mu of that name. The method is the pattern that fits: there are few, and nothing of a message."""
    return {"rpc.system.name": "mu", "rpc.method": shown(pattern), "mu.at": at}


def of_error(error: BaseException) -> Attributes:
    """Its kind and not its text, which may have in it what was in the message."""
    told = {"error.type": type(error).__name__}
    return {**told, "rpc.response.status_code": str(error.status)} if isinstance(error, MuError) else told
