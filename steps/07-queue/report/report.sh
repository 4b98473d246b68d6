#!/bin/sh
# Prints the report. It finds the system by its DNS: that of fuge, unless the environment names another.
export DNS_HOST="${DNS_HOST:-127.0.0.1}"
export DNS_PORT="${DNS_PORT:-53053}"
export DNS_NAMESPACE="${DNS_NAMESPACE:-micro}"
export DNS_SUFFIX="${DNS_SUFFIX:-svc.cluster.local}"
cd "$(dirname "$0")" && exec python main.py
