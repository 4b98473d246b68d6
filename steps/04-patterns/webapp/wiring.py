"""The webapp's wiring: where its messages lead."""

import os

from mu import Mu, retry, tcp

ADDER_HOST = os.environ.get("ADDER_SERVICE_SERVICE_HOST", "127.0.0.1")
ADDER_PORT = os.environ.get("ADDER_SERVICE_SERVICE_PORT", "8080")
CONNECTIONS = 8  # a cluster spreads connections over the instances of a service, not the messages on them
ATTEMPTS = 6  # within about a second: a restart of the adder does not take longer

mu = Mu("webapp")
mu.outbound({"role": "basic"}, retry(tcp.client(host=ADDER_HOST, port=ADDER_PORT, pool=CONNECTIONS), attempts=ATTEMPTS))
