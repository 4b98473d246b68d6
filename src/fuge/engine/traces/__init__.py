"""Traces of services: received as OpenTelemetry sends them (OTLP over HTTP), kept in a database, read from it."""
