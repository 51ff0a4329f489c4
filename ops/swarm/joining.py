"""Makes this engine a manager of a swarm, and lets other machines join."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ops.engine.client import Engine, engine_errors
from ops.engine.request import request
from ops.errors import EngineError
from ops.interrupts import change_begins

PORT = 2377
"""The port on which managers listen (Docker: "Getting started with Swarm mode")."""


@dataclass(frozen=True)
class Joined:
    """The swarm of an engine. ``manager``: the engine is a manager; ``address``: where others reach it, with port."""

    active: bool
    manager: bool
    node: str
    address: str


@dataclass(frozen=True)
class Invitation:
    """How another machine joins. ``token``: any machine with it can join; ``role``: manager or worker."""

    role: str
    address: str
    token: str = field(repr=False)

    @property
    def command(self) -> str:
        return f"docker swarm join --token {self.token} {self.address}"


def joined(engine: Engine) -> Joined:
    """The swarm of the engine. Raises EngineError."""
    with engine_errors("describe itself"):
        found: dict[str, Any] = engine.api.info().get("Swarm") or {}
    host, node = str(found.get("NodeAddr") or ""), str(found.get("NodeID") or "")
    managers = {str(each.get("NodeID")): str(each.get("Addr") or "") for each in found.get("RemoteManagers") or ()}
    return Joined(
        found.get("LocalNodeState") == "active",
        bool(found.get("ControlAvailable")),
        node,
        managers.get(node) or (f"[{host}]:{PORT}" if ":" in host else f"{host}:{PORT}"),
    )


def init(engine: Engine, address: str = "") -> bool:
    """Makes the engine the manager of a new swarm; False if it already manages one. Raises EngineError.

    ``address``: where the other nodes reach this one; by default, the engine chooses it.
    """
    now = joined(engine)
    if now.active and not now.manager:
        raise EngineError(
            "this engine is a worker of a swarm already", "use videa on a manager, or: docker node promote NODE there"
        )
    if now.active:
        return False
    body = {"ListenAddr": f"0.0.0.0:{PORT}", **({"AdvertiseAddr": address} if address else {})}
    change_begins()
    request(engine, "POST", "/swarm/init", "make a swarm", body=body)
    return True


def invitation(engine: Engine, manager: bool = False) -> Invitation:
    """The invitation for another machine. Raises EngineError if the engine does not manage a swarm."""
    now = joined(engine)
    if not now.manager:
        raise EngineError("this engine manages no swarm", "make one: videa swarm init")
    _, swarm = request(engine, "GET", "/swarm", "describe the swarm")
    role = "manager" if manager else "worker"
    return Invitation(role, now.address, str(swarm["JoinTokens"][role.capitalize()]))
