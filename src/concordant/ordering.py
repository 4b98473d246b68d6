"""In which order to try endpoints: by priority, by chance within one, as RFC 2782 says.

What a server rotates is sorted first, so that equal chance gives equal order.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from random import Random

from concordant.endpoint import Endpoint

Group = list[Endpoint]  # the addresses of one SRV record, which share its priority and weight; never empty


def in_order(groups: Iterable[Group], random: Random) -> list[Endpoint]:
    """All endpoints, the one to try first in front, each host and port once."""
    ranked = sorted(groups, key=lambda group: (group[0].priority, group[0].target, group[0].port or 0, group[0].weight))
    found: dict[tuple[str, int | None], Endpoint] = {}
    for _, equals in groupby(ranked, key=lambda group: group[0].priority):
        for group in by_weight(list(equals), random):
            for endpoint in mixed(group, random):
                found.setdefault((endpoint.host, endpoint.port), endpoint)
    return list(found.values())


def by_weight(groups: list[Group], random: Random) -> Iterator[Group]:
    """Drawn one after the other; the heavier, the earlier. Those without weight have a very small chance."""
    random.shuffle(groups)
    groups.sort(key=lambda group: group[0].weight > 0)
    while groups:
        mark = random.randint(0, sum(group[0].weight for group in groups))
        drawn = 0
        while mark > groups[drawn][0].weight:
            mark -= groups[drawn][0].weight
            drawn += 1
        yield groups.pop(drawn)


def mixed(group: Group, random: Random) -> Group:
    """The addresses of one name: by chance, IPv4 before IPv6."""
    ranked = sorted(group, key=lambda endpoint: endpoint.host)
    random.shuffle(ranked)
    return sorted(ranked, key=lambda endpoint: ":" in endpoint.host)
