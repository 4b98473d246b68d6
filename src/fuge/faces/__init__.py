"""What people and programs meet: commands, shell, control socket. They hold no state of the system."""
