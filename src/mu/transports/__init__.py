"""Ways for packets to travel."""
