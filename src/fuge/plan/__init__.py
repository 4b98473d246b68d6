"""From fuge.yml to a System: what shall run, and how services are told of each other."""
