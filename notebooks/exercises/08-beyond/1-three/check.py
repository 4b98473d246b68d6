"""Three of them: the adder runs as three instances, on the laptop and wherever it is exported to."""

from ruamel.yaml import YAML

from workbook.exercises import not_yet
from workbook.system import System

NAME = "_main._tcp.adder-service.micro.svc.cluster.local"


def check(system: System) -> None:
    here = len(system.find(NAME))
    if here != 3:
        not_yet(f"{NAME}: expected three instances, found {here}")
    stack = YAML(typ="safe").load(system.fuge("export", "swarm"))
    there = stack["services"]["adder_service"]["deploy"]["replicas"]
    if there != 3:
        not_yet(f"fuge export swarm: expected 3 replicas of the adder, found {there}")
