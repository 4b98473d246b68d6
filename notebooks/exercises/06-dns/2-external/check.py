"""A service of others: DNS knows its address and its port."""

from concordant import ConcordantError
from workbook.exercises import not_yet
from workbook.system import System

EXPECTED = {
    "rates.micro.svc.cluster.local": "192.0.2.10",
    "_https._tcp.rates.micro.svc.cluster.local": "192.0.2.10:443",
}


def check(system: System) -> None:
    for name, expected in EXPECTED.items():
        try:
            found = ", ".join(system.find(name))
        except ConcordantError as error:
            not_yet(f"{name}: expected {expected}, found nothing ({type(error).__name__})")
        if found != expected:
            not_yet(f"{name}: expected {expected}, found {found}")
