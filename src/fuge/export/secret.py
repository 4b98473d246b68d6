"""Which variables are secrets: by what they are called, or since they hold a password."""

import re

NAME = re.compile(
    "secret|passw|passphrase|token|credential|(api|access|private|signing|encryption)_?key", re.IGNORECASE
)
VALUE = re.compile(r"://[^/@:\s]*:[^/@\s]+@")  # a user and a password in an address


def is_secret(name: str, value: str) -> bool:
    """One word too many costs nothing: what is no secret works as well from where secrets are."""
    return bool(NAME.search(name) or VALUE.search(value))
