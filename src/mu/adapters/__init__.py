"""Clients made of clients: each changes one thing about how messages are delivered, and they go into one another."""
