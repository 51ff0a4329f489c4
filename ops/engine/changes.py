"""The engine's events about the containers of one project: a container started, ended, was paused or left a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.engine.replicas import PROJECT

CONTAINER = ("start", "die", "pause", "unpause", "oom")
NETWORK = ("connect", "disconnect")
"""The actions that matter. The engine filters the events, so its many events about execs do not wake this process."""


class Changes:
    """All changes from now on, as text such as "pause shop-app-1", until ``close`` or until the engine stops.

    The engine's events about networks have only the container's id, so its project is looked up.
    """

    def __init__(self, engine: Engine, project: str, label: str = PROJECT) -> None:
        """``label``: the label that contains a container's project. Raises EngineError."""
        self._engine, self._project, self._label = engine, project, label
        with engine_errors("report its events"):
            self._stream = engine.api.events({"type": ["container", "network"], "event": [*CONTAINER, *NETWORK]})

    def __iter__(self) -> Iterator[str]:
        """Raises EngineError if the connection breaks."""
        with engine_errors("report its events"):
            for event in self._stream:
                if name := self._name(event):
                    yield f"{event['Action']} {name}"

    def close(self) -> None:
        """Ends the iteration, even while it waits."""
        with suppress(OSError):
            self._stream.close()

    def _name(self, event: Mapping[str, Any]) -> str:
        """The name of the project's container that the event is about; "" for others."""
        attributes: Mapping[str, str] = (event.get("Actor") or {}).get("Attributes") or {}
        if event.get("Type") == "network":
            attributes = self._attributes(attributes.get("container", ""))
        return attributes.get("name", "") if attributes.get(self._label) == self._project else ""

    def _attributes(self, container: str) -> Mapping[str, str]:
        """The labels and the name of a container; empty if it no longer exists. Raises EngineError."""
        details: Mapping[str, Any] = {}
        with engine_errors("describe a container", missing_ok=True):
            details = self._engine.api.inspect_container(container) if container else {}
        labels = (details.get("Config") or {}).get("Labels") or {}
        return {**labels, "name": str(details.get("Name", "")).lstrip("/")}
