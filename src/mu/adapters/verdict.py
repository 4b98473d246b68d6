"""What the fate of a message says of the end that it was for."""

import asyncio

from mu.errors import CircuitOpen, FrameTooLarge, MuError, NoRoute, Overloaded, ServiceError, TransportError, TTLExpired
from mu.transport import Request

BY_ITSELF = (NoRoute, TTLExpired, FrameTooLarge)  # the message is the reason: another may get through
BY_ADAPTERS = (CircuitOpen, Overloaded)  # in this process they say that the end was not even asked
TOLERANCE = 0.01  # seconds: timers may be that early


def works_after(error: Exception) -> bool | None:
    """Whether the end works, in spite of this error; None if the error does not tell."""
    if isinstance(error, ServiceError):
        return True
    if isinstance(error, BY_ITSELF) or (isinstance(error, MuError) and not isinstance(error, TransportError)):
        return True if error.remote else None
    if isinstance(error, BY_ADAPTERS) and not error.remote:
        return None
    return False


def overdue(request: Request) -> bool:
    """Whether a cancellation now is due to the request's deadline, and not to a caller who has changed its mind."""
    return asyncio.get_running_loop().time() >= request.deadline - TOLERANCE
