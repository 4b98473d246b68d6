"""From a name to endpoints."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from concordant import naming, servers
from concordant.asking import Asker, Question
from concordant.endpoint import Endpoint
from concordant.errors import ConcordantError, NoSuchRecord
from concordant.ordering import Group, in_order
from concordant.settings import Settings, service_port

KINDS = ("A", "AAAA")
GRACE = 0.5  # seconds that the other kind of address may take longer; some servers never answer AAAA (RFC 8305)
NEVER = 2**31 - 1  # the longest TTL (RFC 2181): an address that the caller gave does not change
CHANCE = Random()
Addresses = list[tuple[str, int]]  # with TTL

log = logging.getLogger("concordant")


async def resolve(
    name: str,
    *,
    port: int | None = None,
    timeout: float = 5.0,  # noqa: ASYNC109 - it is spent on several questions
    random: Random | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[Endpoint]:
    """The endpoints of a name, the one to try first in front; never empty. DNS alone is asked, not /etc/hosts.

    `name`: of a port (`_main._tcp.mongo.micro.svc.cluster.local`, by its SRV records), or of a host or a service
    (`mongo`, by A and AAAA). A short one is completed by the search list; one with a final dot is not. An address
    is its own endpoint.
    `port`: that of the endpoints for which DNS tells none.
    `timeout`: seconds for all of it.
    `random`: draws among endpoints of one priority by their weights; a seeded one always draws the same.
    `environment`: DNS_HOST and its like, read at each call; os.environ unless given. With DNS_MODE=A, for networks
    whose DNS has no SRV records, the host of a port's name is asked for; the port is then `port`, or what the variable
    says that Kubernetes and fuge have for it: MONGO_SERVICE_PORT_MAIN for `_main._tcp.mongo`.

    Raises a ConcordantError: NoSuchName, NoSuchRecord, NobodyAnswered, ServerFailed, ServerRefused, BadName,
    NotConfigured, ServerNotFound.
    """
    random = random or CHANCE
    if naming.is_address(name):
        return [Endpoint(name, port, ttl=NEVER, target=name)]
    name = naming.checked(name)
    environment = os.environ if environment is None else environment
    settings = Settings.read(environment)
    if port is None and settings.mode == "A":
        port = service_port(name, environment)
    deadline = asyncio.get_running_loop().time() + timeout
    asker = Asker(await servers.find(settings, timeout), timeout, deadline)
    if naming.names_port(name) and settings.mode == "SRV":
        return in_order(await of_port(asker, name), random)
    return in_order([await of_host(asker, naming.without_port(name), port)], random)


async def of_host(asker: Asker, name: str, port: int | None) -> Group:
    """The addresses of a plain name."""
    target, addresses = await addresses_of(asker, name)
    return [Endpoint(address, port, ttl=ttl, target=target) for address, ttl in addresses]


async def of_port(asker: Asker, name: str) -> list[Group]:
    """What the SRV records of a name say: for each record the addresses of its target."""
    question = Question(name, "SRV")
    answer = await asker.ask(question)
    records = [record for record in answer if record.target != dns.name.root]
    if not records:
        text = f"expected {question}, but {asker.servers.text} says that this service is not offered"
        raise NoSuchRecord(f"{text} (its target is a dot, RFC 2782): ask for another one")
    known = await addresses_of_targets(asker, answer, {record.target for record in records}, question)
    return [endpoints(record, known[record.target], ttl_of(answer)) for record in records if record.target in known]


def endpoints(record: Any, addresses: Addresses, longest: int) -> Group:
    target = text_of(record.target)
    return [
        Endpoint(address, record.port, record.priority, record.weight, min(ttl, longest), target)
        for address, ttl in addresses
    ]


async def addresses_of_targets(
    asker: Asker, answer: dns.resolver.Answer, targets: set[dns.name.Name], question: Question
) -> dict[dns.name.Name, Addresses]:
    """As far as the answer has them, else asked for, all at once. One that leads nowhere is left out; but if all do,
    that is the error."""
    known = {target: found for target in targets if (found := added(answer.response, target))}
    missing = sorted(targets - known.keys())
    led_by = f", the target of {question.name.removesuffix('.')}"
    asked = await asyncio.gather(
        *(addresses_of(asker, str(target), led_by) for target in missing), return_exceptions=True
    )
    faults = []
    for target, result in zip(missing, asked, strict=True):
        if isinstance(result, ConcordantError):
            faults.append(result)
            log.info("left out: %s", result)
        elif isinstance(result, BaseException):
            raise result
        else:
            known[target] = result[1]
    if not known:
        raise worst(faults)
    return known


def added(response: dns.message.Message, target: dns.name.Name) -> Addresses:
    """The addresses that the server sent along with its answer."""
    return [
        (record.address, rrset.ttl)
        for rrset in (*response.additional, *response.answer)
        if rrset.name == target and rrset.rdclass == dns.rdataclass.IN
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        for record in rrset
    ]


async def addresses_of(asker: Asker, name: str, led_by: str = "") -> tuple[str, Addresses]:
    """What A and AAAA say, asked for at the same time, and the name that they are about. One of them is enough."""
    questions = [Question(name, kind, " or ".join(KINDS), led_by) for kind in KINDS]
    tasks = [asyncio.create_task(asker.ask(question)) for question in questions]
    try:
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if waiting:
            answered = all(task.exception() is None for task in done)
            await asyncio.wait(waiting, timeout=GRACE if answered else None)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    answers = [result for result in results if isinstance(result, dns.resolver.Answer)]
    if not answers:
        raise worst(results)
    target = text_of(answers[0].canonical_name)
    return target, [(record.address, ttl_of(answer)) for answer in answers for record in answer]


def worst(faults: Sequence[Any]) -> BaseException:
    """The one to report: what may be otherwise in a moment, then what says that the name is there after all."""

    def rank(fault: Any) -> tuple[bool, bool]:
        return getattr(fault, "temporary", True), isinstance(fault, NoSuchRecord)

    found: BaseException = max(faults, key=rank)
    return found


def ttl_of(answer: dns.resolver.Answer) -> int:
    """Of the records, and of the aliases that led to them."""
    return answer.chaining_result.minimum_ttl


def text_of(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)
