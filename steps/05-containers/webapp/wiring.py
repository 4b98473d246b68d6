"""The webapp's wiring: where its messages lead."""

import os

from mu import Mu, outbox, retry, tcp

ADDER_HOST = os.environ.get("ADDER_SERVICE_SERVICE_HOST", "127.0.0.1")
ADDER_PORT = os.environ.get("ADDER_SERVICE_SERVICE_PORT", "8080")
AUDIT_HOST = os.environ.get("AUDIT_SERVICE_SERVICE_HOST", "127.0.0.1")
AUDIT_PORT = os.environ.get("AUDIT_SERVICE_SERVICE_PORT", "8081")
OUTBOX = os.environ.get("OUTBOX")  # a folder for what could not be delivered before the end
CONNECTIONS = 8  # a cluster spreads connections over the instances of a service, not the messages on them
ATTEMPTS = 6  # within about a second: a restart of a service does not take longer

adder = retry(tcp.client(host=ADDER_HOST, port=ADDER_PORT, pool=CONNECTIONS), attempts=ATTEMPTS)
audit = retry(tcp.client(host=AUDIT_HOST, port=AUDIT_PORT, pool=CONNECTIONS), attempts=ATTEMPTS)

mu = Mu("webapp")
mu.outbound({"role": "basic"}, adder)
mu.outbound({"role": "audit"}, outbox(audit, folder=OUTBOX))
