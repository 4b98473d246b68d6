"""What transports over a queue have in common: answers that come later, and what becomes of a message once handled."""
