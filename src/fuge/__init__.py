"""Runs a system of services on one machine as a cluster would run it."""
