"""Faults on the way to a service, put there on purpose: slow, lossy, refused, silent."""
