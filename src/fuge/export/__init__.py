"""From a System to the files by which other engines run it: Compose, Swarm, Kubernetes; and to its images."""
