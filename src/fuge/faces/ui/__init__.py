"""A page of the running system for the browser of its user, live: what commands tell and do, at one look."""
