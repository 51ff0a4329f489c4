"""The protocol for what serves beside those that have a port or a name: a second balancer, and a second container."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol


class StandIns(Protocol):
    """The stand-ins on the platform. Every method may raise EngineError."""

    def obstacle(self) -> str:
        """Why new connections cannot be redirected to one, in one line; "" if they can, as far as is known."""

    def start(self, balancer: str, name: str, publish: bool) -> None:
        """Starts a container like ``balancer``, which need not run.

        ``publish``: whether it has the same ports as that one, on free ports of the host.
        """

    def redirect(self, balancer: str, name: str) -> None:
        """From now on, new connections to the ports that ``balancer`` publishes reach the stand-in ``name``."""

    def release(self, name: str) -> None:
        """From now on, new connections reach the container that has the ports. Existing ones stay at the stand-in."""

    def remove(self, name: str) -> None:
        """Releases the ports, lets the stand-in complete its requests, and removes it. A missing one is no error."""

    def rename(self, container: str, name: str, labels: Mapping[str, str]) -> None:
        """Gives a container that has not been started another name, and other values to these labels."""

    def copy_files(self, source: str, target: str, paths: Collection[str]) -> None:
        """Copies files of a container into one that has not been started; without those that do not exist."""
