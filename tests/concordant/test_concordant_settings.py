"""What the environment says about whom to ask."""

import pytest

from concordant import NotConfigured
from concordant.settings import Settings


def test_without_variables_it_is_the_systems_resolver() -> None:
    assert Settings.read({}) == Settings("", 53053, "SRV", "", "")


def test_all_variables_are_read() -> None:
    environment = {
        "DNS_HOST": " ::1 ",
        "DNS_PORT": " 53 ",
        "DNS_MODE": " a ",
        "DNS_NAMESPACE": "micro",
        "DNS_SUFFIX": "lan",
    }
    assert Settings.read(environment) == Settings("::1", 53, "A", "micro", "lan")


def test_empty_variables_are_none() -> None:
    names = ("DNS_HOST", "DNS_PORT", "DNS_MODE", "DNS_NAMESPACE", "DNS_SUFFIX")
    assert Settings.read(dict.fromkeys(names, "")) == Settings.read({})


@pytest.mark.parametrize("environment", [{}, {"DNS_PORT": ""}, {"DNS_PORT": " "}])
def test_dns_host_without_dns_port_has_the_usual_one(environment: dict[str, str]) -> None:
    assert Settings.read({"DNS_HOST": "127.0.0.1"} | environment).port == 53053


@pytest.mark.parametrize("port", [1, 65535])
def test_dns_port_may_be_the_first_and_the_last(port: int) -> None:
    assert Settings.read({"DNS_HOST": "127.0.0.1", "DNS_PORT": str(port)}).port == port


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "53053/udp", "²", "٥٣", "1_000"])
def test_dns_port_must_be_a_port(port: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        Settings.read({"DNS_HOST": "127.0.0.1", "DNS_PORT": port})
    assert str(caught.value) == (
        f"DNS_PORT: expected a port from 1 to 65535, found {port!r}: correct it, or unset it for 53053"
    )


def test_dns_port_is_of_no_interest_without_dns_host() -> None:
    assert Settings.read({"DNS_PORT": "x"}) == Settings.read({})


def test_dns_mode_must_be_one_that_is_known() -> None:
    with pytest.raises(NotConfigured) as caught:
        Settings.read({"DNS_MODE": "AAAA"})
    assert str(caught.value) == "DNS_MODE: expected SRV or A, found 'AAAA': correct it, or unset it for SRV"
