"""The end of a process, and the addresses of a service, in words."""

import signal

from fuge.plan.system import Service


def addresses(service: Service) -> list[str]:
    """Where a service is reached; a port that is called http or https gives a link."""
    return [
        f"{port.name}://{service.host}:{port.number}"
        if port.name in ("http", "https")
        else f"{service.host}:{port.number}"
        for port in service.ports
    ]


def end(code: int) -> str:
    """How a process ended."""
    return f"ended with exit code {code}" if code >= 0 else f"ended by {signal_name(-code)}"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
