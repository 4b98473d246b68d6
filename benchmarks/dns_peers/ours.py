"""fuge's DNS server alone, on asyncio's loop or uvloop's: ours.py LOOP PORT"""

import asyncio
import sys
from pathlib import Path

from fuge.engine.dns.server import Server
from fuge.plan.system import Port, Service, System
from fuge.plan.zone import zones


async def main(port: int) -> None:
    adder = Service(name="adder_service", ports=(Port("main", 8080),))
    settings = {"dns_enabled": True, "dns_port": port, "dns_namespace": "micro", "dns_suffix": "svc.cluster.local"}
    system = System(Path("/fuge.yml"), {adder.name: adder}, **settings)
    server = Server(lambda: zones(system))
    await server.follow(system)
    await asyncio.Event().wait()


loop, number = sys.argv[1:]
factory = None
if loop == "uvloop":
    import uvloop

    factory = uvloop.new_event_loop
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main(int(number)))
