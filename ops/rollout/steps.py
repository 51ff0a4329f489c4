"""The steps that every operation is made of. Data only: planners yield them, the runner carries them out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Target:
    """What new replicas are started as. ``overrides``: variables of the Compose file that make it this release."""

    release: str
    image: str
    overrides: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Start:
    """Start ``count`` more replicas. They get no traffic."""

    count: int

    def __str__(self) -> str:
        return f"start {replicas(self.count)}"


@dataclass(frozen=True, slots=True)
class AwaitReady:
    """Probe what was started, and ``names``, directly until each is ready."""

    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "wait until ready" + (f": {', '.join(self.names)}" if self.names else "")


@dataclass(frozen=True, slots=True)
class Route:
    """Let the balancer serve exactly ``names`` and, with ``started``, what this operation has started."""

    names: tuple[str, ...]
    started: bool = False

    def __str__(self) -> str:
        return "change the balancer"


@dataclass(frozen=True, slots=True)
class Drain:
    """Wait until no request is left that entered the balancer before its last change."""

    def __str__(self) -> str:
        return "drain"


@dataclass(frozen=True, slots=True)
class Remove:
    """Stop and remove replicas that get no traffic any more."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"stop and remove {', '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class Remember:
    """Write the outcome where a plain ``docker compose up -d`` finds it."""

    replicas: int

    def __str__(self) -> str:
        return "remember it for `docker compose up`"


@dataclass(frozen=True, slots=True)
class Split:
    """Let the balancer give ``percent`` of the requests to ``canary`` and what was started, the rest to ``names``.

    ``private``: testers reach the canary only with this operation's own token.
    """

    names: tuple[str, ...]
    canary: tuple[str, ...]
    percent: float
    private: bool = False

    def __str__(self) -> str:
        return "open a private path to the new ones" if self.private else f"give the canary {self.percent:g}%"


@dataclass(frozen=True, slots=True)
class Check:
    """Try the new release through its private path: ``commands`` run here, ``paths`` are asked."""

    commands: tuple[str, ...]
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"check {', '.join((*self.paths, *self.commands))}"


@dataclass(frozen=True, slots=True)
class Judge:
    """Watch the canary at its present share of ``percent`` until there is a verdict."""

    percent: float

    def __str__(self) -> str:
        return f"judge the canary at {self.percent:g}%"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for `videa promote` or `videa abort`."""

    percent: float

    def __str__(self) -> str:
        return f"paused at {self.percent:g}%: videa promote, or videa abort"


KEEPING = "keep the old ones"
"""How the step is known in a journal, by whoever wants to go back to them."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep the replicas of before warm for ``seconds``, or until `videa promote`."""

    seconds: float

    def __str__(self) -> str:
        return f"{KEEPING} for {self.seconds:g} s (videa promote ends it, videa abort goes back to them)"


@dataclass(frozen=True, slots=True)
class Hook:
    """Run a command of the project in a one-off container of the new release: a string by a shell, a list as it is."""

    name: str
    command: str | tuple[str, ...]

    def __str__(self) -> str:
        return f"hook {self.name}: {self.command if isinstance(self.command, str) else shlex.join(self.command)}"


@dataclass(frozen=True, slots=True)
class Follow:
    """Let other services run the new release; each is stopped before it is started."""

    services: tuple[str, ...]

    def __str__(self) -> str:
        return f"let {', '.join(self.services)} follow"


Step: TypeAlias = (
    Start | AwaitReady | Route | Drain | Remove | Remember | Split | Check | Judge | Pause | Keep | Hook | Follow
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one operation, in order. No steps: the stack is already as asked."""

    steps: tuple[Step, ...]
    target: Target
    summary: str

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


def lasting(step: Step) -> str:
    """What going back cannot undo by moving the traffic, in words; empty for steps that it can."""
    if isinstance(step, Remove):
        return "going back takes a new start from here on"
    if isinstance(step, Hook):
        return "what it does is not undone"
    if isinstance(step, Follow):
        return "not served meanwhile; going back stops and starts again"
    return ""


def replicas(count: int) -> str:
    """The count in words: "1 replica", "3 replicas"."""
    return f"{count} replica" + ("" if count == 1 else "s")
