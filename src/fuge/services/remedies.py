"""The commands that get what is missing, by the package manager of this machine."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

MANAGERS = {"apt": "apt install", "dnf": "dnf install", "zypper": "zypper install", "pacman": "pacman -S"}
PACKAGES: Mapping[str, Mapping[str, str]] = {
    "docker": {"apt": "docker.io", "dnf": "docker", "zypper": "docker", "pacman": "docker"},
    "redis": {"apt": "redis-server", "dnf": "valkey", "zypper": "valkey", "pacman": "valkey", "brew": "valkey"},
    "mongo": {"brew": "mongodb/brew/mongodb-community"},
    "libcurl.so.4": {"apt": "libcurl4", "dnf": "libcurl", "zypper": "libcurl4", "pacman": "curl"},
    "libssl.so.3": {"apt": "libssl3", "dnf": "openssl-libs", "zypper": "libopenssl3", "pacman": "openssl"},
    "libcrypto.so.3": {"apt": "libssl3", "dnf": "openssl-libs", "zypper": "libopenssl3", "pacman": "openssl"},
    "liblzma.so.5": {"apt": "liblzma5", "dnf": "xz-libs", "zypper": "liblzma5", "pacman": "xz"},
}
MONGO = "see https://www.mongodb.com/docs/manual/installation"


def run(command: str, as_root: bool = False) -> str:
    return f"run `{'sudo ' if as_root and os.geteuid() else ''}{command}`"


def install(what: str) -> str:
    """How to install something; "" where that is not known."""
    packages = PACKAGES.get(what, {})
    if "brew" in packages and sys.platform == "darwin":
        return run(f"brew install {packages['brew']}")
    manager = next((name for name in MANAGERS if name in packages and shutil.which(name)), "")
    return run(f"{MANAGERS[manager]} {packages[manager]}", as_root=True) if manager else ""


def unset(setting: str) -> str:
    name, _, _ = setting.partition(" ")
    return f"take {name} out of the fuge.yml" if name.islower() else f"unset {name}"


def server(image: str) -> str:
    return install(image) or (MONGO if image == "mongo" else "")


def library(name: str) -> str:
    return install(name) or f"install the package of this system that has {name}"


def wheel(name: str, again: bool = False) -> str:
    return run(f"{sys.executable} -m pip install {'--force-reinstall ' if again else ''}{name}")


def docker() -> str:
    """How to start a Docker engine; where there is none, how to install it."""
    if sys.platform == "darwin":
        return run("open -a Docker") if shutil.which("docker") else run("brew install --cask docker")
    if shutil.which("dockerd"):
        return run("systemctl start docker" if Path("/run/systemd/system").exists() else "dockerd", as_root=True)
    return install("docker")
