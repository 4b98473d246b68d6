"""The adder's wiring: which messages it answers, and how they get here. Another transport changes this file only."""

import os

import service
from mu import Mu, ServiceError, tcp

HOST = os.environ.get("SERVICE_HOST", "localhost")
PORT = os.environ.get("SERVICE_PORT", "0")  # 0 is any free one, for whoever starts it by itself
LARGEST = 2**53 - 1  # beyond it, whoever reads the numbers of JSON as floats loses digits

mu = Mu(f"adder_service:{PORT}")  # there may be several
mu.inbound({"role": "basic", "cmd": "*"}, tcp.server(host=HOST, port=PORT))


@mu.define({"role": "basic", "cmd": "add"})
def add(message: dict) -> int | str:
    """The sum; a larger one than LARGEST as text."""
    try:
        result = service.add(message.get("first", ""), message.get("second", ""))
    except ValueError as error:
        raise ServiceError(str(error), status=400) from None
    return result if abs(result) <= LARGEST else str(result)
