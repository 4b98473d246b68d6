"""The running system: what starts, watches, restarts and stops the services of a fuge.yml."""
