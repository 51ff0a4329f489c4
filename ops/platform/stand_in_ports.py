"""The protocol for stand-ins: a second balancer or container beside the one that has the port or the name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol


class StandIns(Protocol):
    """The stand-ins on the platform. Every method may raise EngineError."""

    def obstacle(self) -> str:
        """Why new connections cannot be redirected to a stand-in, in one line; "" if they can, as far as is known."""

    def start(self, balancer: str, name: str, publish: bool) -> None:
        """Starts a copy of the container ``balancer``, which need not be running.

        ``publish``: whether it publishes the same container ports, on free ports of the host.
        """

    def redirect(self, balancer: str, name: str) -> None:
        """From now on, new connections to the ports that ``balancer`` publishes reach the stand-in ``name``."""

    def release(self, name: str) -> None:
        """From now on, new connections reach the owner of the ports. Existing connections stay with the stand-in."""

    def remove(self, name: str) -> None:
        """Releases the ports, lets the stand-in complete its requests, and removes it, if it exists."""

    def rename(self, container: str, name: str, labels: Mapping[str, str]) -> None:
        """Gives a container that was never started another name, and new values for these labels."""

    def copy_files(self, source: str, target: str, paths: Collection[str]) -> None:
        """Copies files of a container into one that was never started. Missing files are skipped."""
