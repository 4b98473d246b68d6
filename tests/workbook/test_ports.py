"""Ports: free ones, configured ones, and who holds one."""

import os
import socket

import pytest

from workbook import ports
from workbook.errors import WorkbookError


def test_free_ports_are_free_different_and_no_ports_of_outgoing_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUGE_FREE_PORTS", raising=False)
    found = ports.free_ports([f"service_{n}" for n in range(50)])
    assert len(set(found.values())) == 50
    assert all(ports.is_free(port) and not ports.answers(port) for port in found.values())
    assert all(20_000 <= port < 30_000 for port in found.values())


def test_setting_of_the_free_ports_that_is_none_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUGE_FREE_PORTS", "many")
    with pytest.raises(WorkbookError, match="FUGE_FREE_PORTS"):
        ports.free_ports(["webapp"])


def test_environment_has_kubernetes_names() -> None:
    assert ports.environment({"adder_service": 1, "web-app": 2}) == {
        "ADDER_SERVICE_SERVICE_PORT": "1",
        "WEB_APP_SERVICE_PORT": "2",
        "FUGE_PORTS": "adder_service=1 web-app=2",
    }


def test_holder_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ports.answers(port)
        assert not ports.is_free(port)
        assert (ports.holder(port) or "").startswith(f"pid {os.getpid()} ")
    assert ports.holder(port) is None


def test_configured_port(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEBAPP_SERVICE_PORT", "ADDER_SERVICE_SERVICE_PORT", "FUGE_PORTS"):
        monkeypatch.delenv(name, raising=False)
    assert ports.configured("webapp", 3000) == 3000
    monkeypatch.setenv("WEBAPP_SERVICE_PORT", "4000")
    assert ports.configured("webapp", 3000) == 4000
    monkeypatch.setenv("FUGE_PORTS", "webapp=5000, adder_service=5001")
    assert ports.configured("webapp", 3000) == 4000
    assert ports.configured("adder_service", 8080) == 5001
    for wrong in ("", "abc", "0", "65536", "-1"):
        monkeypatch.setenv("WEBAPP_SERVICE_PORT", wrong)
        with pytest.raises(WorkbookError, match="WEBAPP_SERVICE_PORT: expected a port from 1 to 65535, found"):
            ports.configured("webapp", 3000)
