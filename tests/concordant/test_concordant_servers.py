"""Whom to ask, and which names a short one may stand for there."""

import asyncio
import socket
from pathlib import Path
from types import SimpleNamespace

import dns.asyncresolver
import dns.resolver
import pytest

from concordant import NotConfigured, ServerNotFound, servers
from concordant.settings import Settings


def candidates(found: servers.Servers, name: str) -> list[str]:
    return [each.to_text(omit_final_dot=True) for each in found.candidates(name)]


def system(folder: Path, text: str) -> servers.Servers:
    path = folder / "resolv.conf"
    path.write_text(text, encoding="utf-8")
    return servers.system(str(path))


async def direct(**environment: str) -> servers.Servers:
    return await servers.find(Settings.read({"DNS_HOST": "127.0.0.1"} | environment), 5.0)


@pytest.mark.parametrize(
    ("options", "first"),
    [("", "a.b"), ("options ndots:1\n", "a.b"), ("options ndots:2\n", "a.b.lan"), ("options ndots:0\n", "a.b")],
)
def test_name_with_as_many_dots_as_the_system_wants_is_asked_for_as_it_is_first(
    tmp_path: Path, options: str, first: str
) -> None:
    found = candidates(system(tmp_path, f"nameserver 10.0.0.1\nsearch lan\n{options}"), "a.b")
    assert found == [first, *({"a.b", "a.b.lan"} - {first})]


def test_short_name_is_searched_first_unless_the_system_wants_no_dots(tmp_path: Path) -> None:
    text = "nameserver 10.0.0.1\nsearch lan home\n"
    assert candidates(system(tmp_path, text), "a") == ["a.lan", "a.home", "a"]
    assert candidates(system(tmp_path, text), "a.") == ["a"]
    assert candidates(system(tmp_path, f"{text}options ndots:0\n"), "a") == ["a", "a.lan", "a.home"]


def test_the_domain_of_the_system_is_searched_where_it_has_no_list(tmp_path: Path) -> None:
    assert candidates(system(tmp_path, "nameserver 10.0.0.1\ndomain lan\n"), "a") == ["a.lan", "a"]
    assert candidates(system(tmp_path, "nameserver 10.0.0.1\ndomain lan\nsearch home\n"), "a") == ["a.home", "a"]
    assert candidates(system(tmp_path, "nameserver 10.0.0.1\ndomain .\n"), "a") == ["a"]


async def test_the_domain_of_this_machine_is_not_searched_with_dns_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop.home")
    assert candidates(await direct(), "a") == ["a"]


async def test_the_system_need_not_be_configured_with_dns_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    for name in ("read_resolv_conf", "read_registry"):
        monkeypatch.setattr(dns.resolver.BaseResolver, name, missing)
    assert [str(each) for each in (await direct()).resolver.nameservers] == ["Do53:127.0.0.1@53053"]
    with pytest.raises(NotConfigured):
        servers.system()


async def test_names_are_searched_as_in_a_pod_with_dns_host() -> None:
    found = await direct(DNS_NAMESPACE="micro", DNS_SUFFIX="lan")
    assert candidates(found, "a.b.c.d.e") == ["a.b.c.d.e.micro.lan", "a.b.c.d.e.lan", "a.b.c.d.e"]
    assert candidates(found, "a.b.c.d.e.f") == ["a.b.c.d.e.f", "a.b.c.d.e.f.micro.lan", "a.b.c.d.e.f.lan"]


async def test_name_that_has_the_suffix_is_complete_in_whatever_case() -> None:
    found = await direct(DNS_NAMESPACE="micro", DNS_SUFFIX="Lan")
    assert candidates(found, "a.micro.lAN") == ["a.micro.lAN"]
    assert candidates(found, "a.micro.plan")[0] == "a.micro.plan.micro.Lan"
    for each in (found, await direct(DNS_NAMESPACE="micro"), await direct()):
        assert candidates(each, "a.") == ["a"]


def test_all_servers_of_the_system_are_told(tmp_path: Path) -> None:
    found = system(tmp_path, "nameserver 10.0.0.1\nnameserver 10.0.0.2\n")
    assert found.text == f"10.0.0.1, 10.0.0.2 ({tmp_path / 'resolv.conf'})"
    assert found.advice == f"check the network and {tmp_path / 'resolv.conf'}, or set DNS_HOST"


async def test_the_system_is_asked_without_dns_host(monkeypatch: pytest.MonkeyPatch) -> None:
    known = servers.Servers(dns.asyncresolver.Resolver(configure=False), "known", "none")
    monkeypatch.setattr(servers, "system", lambda: known)
    assert await servers.find(Settings.read({}), 5.0) is known
    assert await direct() is not known


def test_registry_without_nameserver_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.asyncresolver, "Resolver", lambda path: SimpleNamespace(nameservers=[]))
    with pytest.raises(NotConfigured, match="among the system's settings, found none: set DNS_HOST"):
        servers.system()


async def test_addresses_of_dns_host_are_those_that_this_machine_knows_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def known(host: str, *arguments: object, **named: object) -> list[tuple[object, ...]]:
        assert host == "dns.test"
        found = (("::1", 0, 0, 0), ("127.0.0.1", 0), ("127.0.0.1", 0))
        return [(socket.AF_UNSPEC, socket.SOCK_DGRAM, 0, "", address) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", known, raising=False)
    assert await servers.addresses_of("dns.test", 5.0) == ["::1", "127.0.0.1"]
    assert await servers.addresses_of("10.0.0.1", 5.0) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("odd"), "odd"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
async def test_dns_host_that_is_not_known_is_told_with_the_reason(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*arguments: object, **named: object) -> None:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
    with pytest.raises(ServerNotFound) as caught:
        await servers.addresses_of("dns.test", 5.0)
    text = "expected DNS_HOST to be an address, or a host name that this machine knows, found 'dns.test'"
    assert str(caught.value) == f"{text} ({said}): correct it"
