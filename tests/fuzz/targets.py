"""All that is fuzzed."""

from fuzz import dns_packets, exports, fuge_yml, mu_messages, otlp_metrics, otlp_requests
from fuzz.target import Target

PARSERS: dict[str, tuple[Target, ...]] = {
    "mu": mu_messages.TARGETS,
    "dns": dns_packets.TARGETS,
    "fuge.yml": (*fuge_yml.TARGETS, *exports.TARGETS),
    "otlp": (*otlp_requests.TARGETS, *otlp_metrics.TARGETS),
}
TARGETS = {target.name: target for parser in PARSERS.values() for target in parser}
