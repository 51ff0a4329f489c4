"""The steps that every operation is made of. Data only: planners yield them, the runner carries them out.

They are one tagged union, the same in a plan, in the journal and in what is told; words are made of them in the CLI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

import msgspec

from ops.redaction.typed import shown_command


@dataclass(frozen=True, slots=True)
class Target:
    """What new replicas are started as. ``overrides``: variables of the Compose file that make it this release."""

    release: str
    image: str
    overrides: Mapping[str, str] = field(default_factory=dict, hash=False)


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Start ``count`` more replicas. They get no traffic."""

    count: int


class AwaitReady(msgspec.Struct, frozen=True, tag="await_ready"):
    """Probe what was started, and ``names``, directly until each is ready."""

    names: tuple[str, ...] = ()


class Route(msgspec.Struct, frozen=True, tag="route"):
    """Let the balancer serve exactly ``names`` and, with ``started``, what this operation has started."""

    names: tuple[str, ...]
    started: bool = False


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """Wait until no request is left that entered the balancer before its last change."""


class Remove(msgspec.Struct, frozen=True, tag="remove"):
    """Stop and remove replicas that get no traffic any more."""

    names: tuple[str, ...]


class Remember(msgspec.Struct, frozen=True, tag="remember"):
    """Write the outcome where a plain ``docker compose up -d`` finds it."""

    replicas: int


class Split(msgspec.Struct, frozen=True, tag="split"):
    """Let the balancer give ``percent`` of the requests to ``canary`` and what was started, the rest to ``names``.

    ``private``: testers reach the canary only with this operation's own token.
    """

    names: tuple[str, ...]
    canary: tuple[str, ...]
    percent: float
    private: bool = False


class Check(msgspec.Struct, frozen=True, tag="check"):
    """Try the new release through its private path: ``commands`` run here, ``paths`` are asked."""

    commands: tuple[str, ...]
    paths: tuple[str, ...]


class Judge(msgspec.Struct, frozen=True, tag="judge"):
    """Watch the canary at its present share of ``percent`` until there is a verdict."""

    percent: float


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Wait for `videa promote` or `videa abort`."""

    percent: float


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """Keep the replicas of before warm for ``seconds``, or until `videa promote`."""

    seconds: float


class Wait(msgspec.Struct, frozen=True):
    """How a step that waits stands, for whoever takes it up. ``begun``: Unix time by the engine's clock.

    ``until``: when it ends by itself, by the same clock; None: when somebody ends it or, a judgement, takes it up.
    """

    begun: float
    until: float | None = None


class Hook(msgspec.Struct, frozen=True, tag="hook"):
    """Run a command of the project in a one-off container of the new release: a string by a shell, a list as it is."""

    name: str
    command: str | tuple[str, ...]


class Follow(msgspec.Struct, frozen=True, tag="follow"):
    """Let other services run the new release; each is stopped before it is started."""

    services: tuple[str, ...]


class Recreate(msgspec.Struct, frozen=True, tag="recreate"):
    """Bring removed replicas back exactly as they were, and wait until they are ready."""

    names: tuple[str, ...]


class Worded(msgspec.Struct, frozen=True, tag="worded"):
    """A step as an older videa wrote it down. ``share``: the canary's percentage, if it changed."""

    text: str
    share: float | None = None


Step: TypeAlias = (
    Start | AwaitReady | Route | Drain | Remove | Remember | Split | Check | Judge | Pause | Keep | Hook | Follow
)
AnyStep: TypeAlias = Step | Recreate | Worded
"""What an operation does, and what undoes it, and what was written down before there were types."""


Waiting: TypeAlias = Judge | Pause | Keep
"""Steps that wait for requests, for time or for people, and change nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one operation, in order. No steps: the stack is already as asked."""

    steps: tuple[Step, ...]
    target: Target
    summary: str

    @property
    def told(self) -> Plan:
        """The plan as it may be shown and stored: see ``told``."""
        return replace(self, steps=tuple(told(step) for step in self.steps))

    @property
    def surge(self) -> int:
        """The most replicas that run beyond the ones there were before."""
        running = most = 0
        for step in self.steps:
            if isinstance(step, Start):
                running += step.count
            elif isinstance(step, Remove):
                running -= len(step.names)
            most = max(most, running)
        return most


AStep = TypeVar("AStep", bound=AnyStep)


def told(step: AStep) -> AStep:
    """The step as it may be shown and stored: without the secrets in the commands and paths that it runs."""
    if isinstance(step, Check):
        return msgspec.structs.replace(
            step, commands=tuple(map(shown_command, step.commands)), paths=tuple(map(shown_command, step.paths))
        )
    if isinstance(step, Hook):
        return msgspec.structs.replace(step, command=shown_command(step.command))
    return step


def share_of(step: AnyStep) -> float | None:
    """The percentage of the requests that the canary has while the step lasts; None: it stays as it was."""
    if isinstance(step, Judge) or (isinstance(step, Split) and not step.private):
        return step.percent
    return step.share if isinstance(step, Worded) else None


def replicas(count: int) -> str:
    """The count in words: "1 replica", "3 replicas"."""
    return f"{count} replica" + ("" if count == 1 else "s")
