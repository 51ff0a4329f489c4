"""Commands that a user runs: in a replica that serves, or in a one-off container with the same configuration.

Neither is an operation: there is no lock, journal or history, so a secret in the command is stored nowhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.errors import BalancerError, Interrupted, PlanRefused, UsageError
from ops.fleet import Fleet, Member
from ops.interrupts import allowed, held
from ops.models import Container, UserCommand
from ops.rollout.targets import serving_release
from ops.stack import Stack


@dataclass(frozen=True, slots=True)
class Choice:
    """The container in which a command runs. ``serves``: it is ready and, if it is a replica, gets requests."""

    container: Container
    serves: bool


def choose(stack: Stack, service: str = "", replica: str = "") -> Choice:
    """The container of a service that serves, or the ``replica`` with this name or number.

    ``service``: any service of the Compose file, by default the project's default service. If no container serves, a
    running one is chosen. Raises UsageError, PlanRefused if none is running, EngineError.
    """
    project = stack.project
    service = service or project.default_service
    if service not in project.model["services"]:
        known = ", ".join(sorted(project.model["services"]))
        raise UsageError(f"no service {service!r} in the Compose file", f"its services: {known}")
    members = _members(stack, service)
    if replica:
        return _named(members, service, replica)
    running = [member for member in members if member.replica.running]
    if not running:
        raise PlanRefused(f"no container of {service} is running", "start the stack: videa up; see also: videa logs")
    release, here = serving_release(Fleet(tuple(running))), stack.platform.nodes.here
    chosen = min(
        running,
        key=lambda member: (
            not _serves(member),
            member.replica.node != here,  # other nodes are reached over SSH
            not member.ready,
            member.replica.release != release,
        ),
    )
    return Choice(chosen.replica, _serves(chosen))


def run_one_off(stack: Stack, model: Container, command: UserCommand, keep: bool = False) -> int:
    """Runs a command in a one-off container configured like ``model``, and removes it unless ``keep``.

    Returns the command's exit code. Raises Interrupted, EngineError.
    """
    name = f"{stack.project.name}-{model.service}-run-{secrets.token_hex(6)}"
    with held():
        try:
            stack.platform.create_like(model, name, command)
            with allowed(again=True):
                return stack.platform.attach(name)
        except KeyboardInterrupt:
            done = "stopped" if keep else "stopped and removed"
            raise Interrupted(f"interrupted; the container {name} was {done}", "run it again if needed") from None
        finally:
            if not keep:
                stack.platform.remove(name)


def variables(given: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``--env``: NAME=VALUE, or NAME for the value in ``environment``, if it is set there.

    Raises UsageError.
    """
    found: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not name:
            raise UsageError("--env has no name of a variable", "write --env NAME=VALUE, or --env NAME to pass it on")
        if sign or name in environment:
            found[name] = value if sign else environment[name]
    return found


def _members(stack: Stack, service: str) -> list[Member]:
    """The containers of a service. If the balancer does not answer, no replica counts as listed."""
    if service not in stack.project.services:
        containers = [container for container in stack.containers() if container.service == service]
        return [Member(container, _healthy(container), True) for container in containers]
    chosen = stack.of(service)
    try:
        return list(chosen.fleet().members)
    except BalancerError:
        return [Member(replica, _healthy(replica), False) for replica in chosen.replicas()]


def _named(members: list[Member], service: str, wanted: str) -> Choice:
    known = ", ".join(member.name for member in members) or "none"
    for member in members:
        if wanted in (member.name, str(member.replica.number), f"{service}-{member.replica.number}"):
            if not member.replica.running:
                raise PlanRefused(
                    f"{member.name} is not running: it is {member.replica.state}", f"all of them: {known}"
                )
            return Choice(member.replica, _serves(member))
    raise UsageError(f"{service} has no replica {wanted!r}", f"its replicas: {known}")


def _serves(member: Member) -> bool:
    return member.ready and member.listed


def _healthy(container: Container) -> bool:
    return container.running and container.health in ("healthy", "none")
