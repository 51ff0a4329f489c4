"""Commands that a user runs in containers of any node: through this engine, or through the node's engine over SSH.

The channel of ``ops.swarm.channel`` ends in nginx's containers, which clients can reach and which have no Docker
socket, so it cannot run commands in a replica. SSH uses the operator's own keys, needs no further listener, and
supports a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from ops.engine import foreground, one_off, replicas
from ops.engine.client import Engine, engine_errors
from ops.engine.hosts import environment_of
from ops.errors import EngineError, EngineUnreachable
from ops.models import Container, UserCommand
from ops.swarm import labels
from ops.swarm.local import Local, Place


@dataclass(frozen=True)
class Commands:
    """``engine``: this manager's; ``environment``: of the docker command."""

    engine: Engine
    local: Local
    environment: Mapping[str, str]
    _one_offs: dict[str, tuple[Engine, Place]] = field(default_factory=dict)

    def hand_over(self, container: str, command: UserCommand) -> NoReturn:
        """See ``Platform.hand_over``."""
        place = self.local.place_of(container)
        if place.host:
            self._reach(place).close()
        foreground.become(*foreground.exec_command(place.id, command, self._for(place)))

    def create_like(self, model: Container, name: str, command: UserCommand) -> None:
        """Not as a service of the swarm: the project's networks accept such containers. See ``Platform``."""
        place = self.local.twin(model)
        engine = self._reach(place) if place.host else self.engine
        self._one_offs[name] = (engine, place)
        one_off.create_like(engine, place.id, name, command, without=labels.OF_TASKS)

    def attach(self, container: str) -> int:
        """See ``Platform.attach``; ``container``: one from ``create_like``."""
        engine, place = self._one_offs[container]
        return foreground.attach(engine, container, self._for(place))

    def remove(self, container: str) -> None:
        """Removes the container if it is one from ``create_like``. Raises EngineError."""
        engine, _ = self._one_offs.pop(container, (self.engine, None))
        replicas.remove(engine, container)

    def _for(self, place: Place) -> Mapping[str, str]:
        return environment_of(place.host, self.environment) if place.host else self.environment

    def _reach(self, place: Place) -> Engine:
        """A connection to the engine of another node; checks that the container is there. Raises EngineError."""
        try:
            engine = Engine(self._for(place))
        except EngineUnreachable as error:
            raise EngineUnreachable(
                f"a container on {place.node} is reached over SSH: {error.message}",
                f"make `docker --host {place.host} version` work without a question: a key, the host's key, and"
                " `User` in ~/.ssh/config",
                error.detail,
            ) from error
        found = False
        with engine_errors(f"look for the container on {place.node}", missing_ok=True):
            found = bool(engine.api.inspect_container(place.id))
        if not found:
            engine.close()
            raise EngineError(
                f"{place.host} is not {place.node}, or its container has ended meanwhile",
                "see `videa status` and `videa node ls`",
            )
        return engine
