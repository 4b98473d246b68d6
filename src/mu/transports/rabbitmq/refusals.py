"""What can be wrong with a RabbitMQ, as errors that say what to look at."""

from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelPreconditionFailed,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)

from mu.errors import ConnectFailed, ConnectionLost, MuError, Overloaded, TransportError
from mu.transports.rabbitmq.address import PATIENCE, Address

FAILURES = (AMQPError, OSError, RuntimeError)  # RuntimeError: of a channel that is closed
REFUSED = (AuthenticationError, ProbableAuthenticationError)
REFUSALS = ("ACCESS_REFUSED", "NOT_ALLOWED")  # as the broker says it of a queue


def failed(address: Address, error: BaseException) -> MuError:
    """For what went wrong before a message was sent."""
    if isinstance(error, REFUSED) or any(word in str(error) for word in REFUSALS):
        return TransportError(f"{address} refused us: {error}: see username=, password= and vhost=", sent=False)
    if "OpenOk" in str(error):  # the package does not say what the broker answered
        vhost = address.options["virtualhost"]
        return TransportError(
            f"expected access to the vhost {vhost!r} of {address}, was refused: see vhost= and username=", sent=False
        )
    if isinstance(error, ChannelPreconditionFailed):
        return TransportError(
            f"{address} has a queue of that name with other settings: name the same max_length= at both ends, "
            f"or another queue=: {error}",
            sent=False,
        )
    if isinstance(error, TimeoutError):
        return ConnectFailed(f"cannot connect to {address}: no answer within {PATIENCE:g} s")
    return ConnectFailed(f"cannot connect to {address}: {said(error)}")


def lost(address: Address, error: BaseException) -> MuError:
    """For what went wrong with a message on its way."""
    if isinstance(error, PublishError):
        return ConnectFailed(f"expected {address}, found it deleted: it is made again")
    if isinstance(error, DeliveryError):
        return Overloaded(f"expected fewer than {address.max_length:,} messages in {address}, found that many")
    if isinstance(error, TimeoutError):
        return ConnectionLost(f"{address} has not confirmed the message within {PATIENCE:g} s")
    return ConnectionLost(f"{address} was lost before it had confirmed: {said(error)}")


def said(error: BaseException) -> str:
    return str(error) or type(error).__name__
