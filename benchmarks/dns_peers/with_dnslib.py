"""dnslib's own DNSServer: with_dnslib.py PORT"""

import sys

from dnslib import RR
from dnslib.server import BaseResolver, DNSLogger, DNSServer

ZONE = RR.fromZone(
    "adder-service.micro.svc.cluster.local. 1 IN A 127.0.0.1\n"
    "_main._tcp.adder-service.micro.svc.cluster.local. 1 IN SRV 0 100 8080 adder-service.micro.svc.cluster.local.\n"
)


class Resolver(BaseResolver):
    def resolve(self, request, handler):  # type: ignore[no-untyped-def]
        reply = request.reply()
        reply.add_answer(*(each for each in ZONE if each.rname == request.q.qname and each.rtype == request.q.qtype))
        return reply


DNSServer(Resolver(), port=int(sys.argv[1]), address="127.0.0.1", logger=DNSLogger(logf=lambda text: None)).start()
