"""Metrics of services: received as OpenTelemetry sends them (OTLP over HTTP), the latest of each kept in memory."""
