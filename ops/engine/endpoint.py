"""The engine that the docker command uses, and the network address of its machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

LOOPBACK = "127.0.0.1"
SSH_TIMEOUT = 5.0
"""Time limit in seconds for reading the ssh client's configuration."""

_SOCKETS = ("unix", "http+unix", "npipe", "fd")
"""URL schemes for sockets and pipes of this machine."""


class Endpoint(msgspec.Struct, frozen=True):
    """``url``: from DOCKER_HOST or the context; empty for the default local socket."""

    url: str = ""

    @property
    def scheme(self) -> str:
        """The protocol of the connection: "unix", "npipe", "ssh", "tcp", "http" or "https"."""
        if not self.url.strip():
            return "unix"
        before, separator, _ = self.url.strip().partition("://")
        return before.lower() if separator else "tcp"

    @property
    def local(self) -> bool:
        """Whether the connection uses a socket of this machine."""
        return self.scheme in _SOCKETS

    def address(self, resolve: Callable[[str], str] | None = None) -> str:
        """The host of the engine's published ports, seen from here: a name or an address, IPv6 without brackets.

        ``resolve``: resolves a host name that may be an alias in the ssh client's configuration.
        """
        if self.local:
            return LOOPBACK
        text = self.url.strip()
        host = urlsplit(text if "://" in text else f"//{text}").hostname or LOOPBACK
        return (resolve or ssh_host)(host) if self.scheme == "ssh" else host


def ssh_host(name: str) -> str:
    """The host to which ``ssh NAME`` connects; the name itself if the ssh client does not report it."""
    try:
        configuration = subprocess.run(
            ["ssh", "-G", "--", name], capture_output=True, text=True, check=False, timeout=SSH_TIMEOUT
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return name
    settings = (line.partition(" ") for line in configuration.splitlines())
    return next((value.strip() for key, _, value in settings if key == "hostname"), name)
