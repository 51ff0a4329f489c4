"""The steps of all operations. Data only: planners yield them, the runner runs them.

They are one tagged union, shared by plans, the journal and events; only the CLI turns them into text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

import msgspec

from ops.redaction.typed import shown_command


@dataclass(frozen=True, slots=True)
class Target:
    """The release of new replicas. ``overrides``: values for variables of the Compose file that select this release.

    ``earlier``: a rollback; in a swarm, the replicas get the secrets and configs that the release used last.
    """

    release: str
    image: str
    overrides: Mapping[str, str] = field(default_factory=dict, hash=False)
    earlier: bool = False


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Start ``count`` more replicas. They get no traffic."""

    count: int


class AwaitReady(msgspec.Struct, frozen=True, tag="await_ready"):
    """Probe the started replicas and ``names`` directly, not through the balancer, until all are ready."""

    names: tuple[str, ...] = ()


class Route(msgspec.Struct, frozen=True, tag="route"):
    """Make ``names`` the only replicas in the balancer; with ``started``, also the ones that this operation started."""

    names: tuple[str, ...]
    started: bool = False


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """Wait until all requests that entered the balancer before its last change have ended."""


class Remove(msgspec.Struct, frozen=True, tag="remove"):
    """Stop and remove replicas that no longer get traffic."""

    names: tuple[str, ...]


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Stop replicas that no longer get traffic, and keep their containers: a start brings them back."""

    names: tuple[str, ...]


class Observe(msgspec.Struct, frozen=True, tag="observe"):
    """Watch the new replicas, which get requests, for ``seconds``: each must stay ready."""

    seconds: float


class Delay(msgspec.Struct, frozen=True, tag="delay"):
    """Wait for ``seconds`` before the next batch, or until `videa promote`."""

    seconds: float


class Remember(msgspec.Struct, frozen=True, tag="remember"):
    """Record the result where a plain ``docker compose up -d`` finds it."""

    replicas: int


class Split(msgspec.Struct, frozen=True, tag="split"):
    """Send ``percent`` of the requests to ``canary`` and the started replicas, and the rest to ``names``.

    ``private``: only requests with the token of this operation reach the canary.
    """

    names: tuple[str, ...]
    canary: tuple[str, ...]
    percent: float
    private: bool = False


class Check(msgspec.Struct, frozen=True, tag="check"):
    """Test the new release through the private path: run ``commands`` on this machine, request ``paths``."""

    commands: tuple[str, ...]
    paths: tuple[str, ...]


class Judge(msgspec.Struct, frozen=True, tag="judge"):
    """Judge the canary at its current share of ``percent`` until there is a verdict."""

    percent: float


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Wait for `videa promote` or `videa abort`."""

    percent: float


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """Keep the old replicas running for ``seconds``, or until `videa promote`."""

    seconds: float


class Wait(msgspec.Struct, frozen=True):
    """The state of a step that waits, for the process that resumes it. ``begun``: Unix time by the engine's clock.

    ``until``: the end of the wait by the same clock; None: a user ends the wait, or a process resumes the judgement.
    """

    begun: float
    until: float | None = None


class Hook(msgspec.Struct, frozen=True, tag="hook"):
    """Run a command of the project in a one-off container of the new release: a string in a shell, a list as is."""

    name: str
    command: str | tuple[str, ...]


class RunOnce(msgspec.Struct, frozen=True, tag="run_once"):
    """Run a one-shot service to completion. ``overrides``: variables of the releases that depend on it."""

    service: str
    overrides: dict[str, str] = {}


class Follow(msgspec.Struct, frozen=True, tag="follow"):
    """Update other services to the new release; each is stopped before it starts again."""

    services: tuple[str, ...]


class SetAvailability(msgspec.Struct, frozen=True, tag="set_availability"):
    """Set the availability of a swarm node: active, pause or drain. ``node``: its id; ``before``: the current value."""

    node: str
    name: str
    availability: str
    before: str


class Recreate(msgspec.Struct, frozen=True, tag="recreate"):
    """Recreate removed replicas exactly as they were, and wait until they are ready."""

    names: tuple[str, ...]


class Worded(msgspec.Struct, frozen=True, tag="worded"):
    """A step from the journal of an older videa. ``share``: the canary's percentage, if the step changed it."""

    text: str
    share: float | None = None


Step: TypeAlias = (
    Start
    | AwaitReady
    | Route
    | Drain
    | Stop
    | Remove
    | Observe
    | Delay
    | Remember
    | Split
    | Check
    | Judge
    | Pause
    | Keep
    | Hook
    | RunOnce
    | Follow
    | SetAvailability
)
AnyStep: TypeAlias = Step | Recreate | Worded
"""The steps of operations, of rollbacks only (Recreate) and of older journals (Worded)."""

Waiting: TypeAlias = Judge | Pause | Keep
"""Steps that change nothing and wait for requests, a time or a user."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one operation, in order. No steps: the stack is already in the wanted state."""

    steps: tuple[Step, ...]
    target: Target
    summary: str

    @property
    def redacted(self) -> Plan:
        """The plan without secrets, to show and to store."""
        return replace(self, steps=tuple(redacted(step) for step in self.steps))

    @property
    def surge(self) -> int:
        """The largest number of replicas at the same time, minus the number before the operation."""
        running = most = 0
        ended: set[str] = set()
        for step in self.steps:
            if isinstance(step, Start):
                running += step.count
            elif isinstance(step, Stop | Remove):
                running -= len(set(step.names) - ended)
                ended |= set(step.names)
            most = max(most, running)
        return most


OneStep = TypeVar("OneStep", bound=AnyStep)


def redacted(step: OneStep) -> OneStep:
    """The step without the secrets in its commands and paths, to show and to store."""
    if isinstance(step, Check):
        return msgspec.structs.replace(
            step, commands=tuple(map(shown_command, step.commands)), paths=tuple(map(shown_command, step.paths))
        )
    if isinstance(step, Hook):
        return msgspec.structs.replace(step, command=shown_command(step.command))
    return step


def share_of(step: AnyStep) -> float | None:
    """The percentage of requests that the canary gets from this step on; None if the step does not change it."""
    if isinstance(step, Judge) or (isinstance(step, Split) and not step.private):
        return step.percent
    return step.share if isinstance(step, Worded) else None


def replicas(count: int) -> str:
    """The count with its noun: "1 replica", "3 replicas"."""
    return f"{count} replica" + ("" if count == 1 else "s")
