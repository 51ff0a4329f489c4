"""Which engine the docker command would talk to, and where on the network its machine is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
SSH_TIMEOUT = 5.0
"""Seconds for reading the ssh client's configuration."""

_SOCKETS = ("unix", "http+unix", "npipe", "fd")
"""Schemes of what is reached through a socket or pipe of this machine."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``url``: of DOCKER_HOST or of the context; empty for the usual local socket."""

    url: str = ""

    @property
    def scheme(self) -> str:
        """How the engine is reached: "unix", "npipe", "ssh", "tcp", "http" or "https"."""
        if not self.url.strip():
            return "unix"
        before, separator, _ = self.url.strip().partition("://")
        return before.lower() if separator else "tcp"

    @property
    def local(self) -> bool:
        """Whether it is reached through a socket of this machine."""
        return self.scheme in _SOCKETS

    def address(self, resolve: Callable[[str], str] | None = None) -> str:
        """Where the engine's published ports are reached from here: a name or an address, IPv6 without brackets.

        ``resolve``: what the ssh client makes of a host that may be an alias of its configuration.
        """
        if self.local:
            return LOOPBACK
        text = self.url.strip()
        host = urlsplit(text if "://" in text else f"//{text}").hostname or LOOPBACK
        return (resolve or ssh_host)(host) if self.scheme == "ssh" else host


def ssh_host(name: str) -> str:
    """The machine that ``ssh NAME`` connects to; the name itself where the ssh client does not say."""
    try:
        told = subprocess.run(
            ["ssh", "-G", "--", name], capture_output=True, text=True, check=False, timeout=SSH_TIMEOUT
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return name
    words = (line.partition(" ") for line in told.splitlines())
    return next((host.strip() for key, _, host in words if key == "hostname"), name)
