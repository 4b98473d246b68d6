"""`fuge zone --bind`: the zone of a fuge.yml for another DNS server, which needs no running fuge."""

from collections.abc import Sequence

from fuge.errors import FugeError
from fuge.faces.arguments import UsageError
from fuge.plan import zone_file
from fuge.plan.system import System
from fuge.plan.zone import zones
from fuge.plan.zone_file import Elsewhere

NOT_ENABLED = "dns is not running: set dns_enabled: true in fuge_global to have it"


def file(system: System, apex: str, words: Sequence[str]) -> str:
    """The master file of the zone `apex`, or of the services' own zone if that is "". Raises FugeError."""
    if not system.dns_enabled:
        raise FugeError(NOT_ENABLED)
    if not system.dns_namespace:
        raise FugeError("a zone file needs whole names: set dns_namespace in fuge_global, such as micro")
    known = {zone.apex: zone for zone in zones(zone_file.moved(system, [elsewhere(word) for word in words]))}
    return zone_file.text(known, apex.rstrip(".").lower() or next(iter(known)))


def elsewhere(word: str) -> Elsewhere:
    try:
        return zone_file.elsewhere(word)
    except ValueError:
        expected = "SERVICE=ADDRESS or SERVICE=ADDRESS:PORT, such as mongo=10.96.0.10:27017"
        raise UsageError(f"zone --address: expected {expected}; found {word!r}") from None
