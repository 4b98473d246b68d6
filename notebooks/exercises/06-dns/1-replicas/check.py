"""Two adders from the start: DNS has both, and one may die."""

from concordant import ConcordantError
from workbook.exercises import not_yet
from workbook.system import System

NAME = "_main._tcp.adder-service.micro.svc.cluster.local"


def check(system: System) -> None:
    try:
        found = system.find(NAME)
    except ConcordantError as error:
        not_yet(f"SRV {NAME}: expected two endpoints, found none ({type(error).__name__})")
    if len(found) != 2:
        not_yet(f"SRV {NAME}: expected two endpoints, found {len(found)}")
    system.kill("adder_service")
    for _ in range(10):
        answer = system.post("webapp", "/add/calculate", first="19", second="23")
        if answer.status != 200:
            not_yet(f"one adder killed, then 19 + 23: expected 42 all the same, found {answer.shown}")
