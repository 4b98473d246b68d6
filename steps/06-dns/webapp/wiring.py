"""The webapp's wiring: where its messages lead."""

import os

from mu import Mu, dns, outbox, retry, tcp

OUTBOX = os.environ.get("OUTBOX")  # a folder for what could not be delivered before the end
ATTEMPTS = 6  # within about a second: a restart of a service does not take longer

adder = retry(dns(tcp, name="adder_service", port_name="_main"), attempts=ATTEMPTS, unsafe=True)  # a sum has no effect
audit = retry(dns(tcp, name="audit_service", port_name="_main"), attempts=ATTEMPTS)

mu = Mu("webapp")
mu.outbound({"role": "basic"}, adder)
mu.outbound({"role": "audit"}, outbox(audit, folder=OUTBOX))
