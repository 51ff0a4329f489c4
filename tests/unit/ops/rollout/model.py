"""A model of a stack: applies the steps of a plan to sets of names, and fails on a step that would lose a request."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ops.fleet import Fleet, Member
from ops.models import Replica
from ops.rollout.undo import Recreate
from ops.steps import AwaitReady, Drain, Remember, Remove, Route, Split, Start, Stop

OLD, NEW = "old", "new"


def member(number: int, release: str = OLD, ready: bool = True, listed: bool = True, state: str = "running") -> Member:
    """The replica `app-NUMBER`, as a planner sees it."""
    replica = Replica(
        id=f"id{number}",
        name=f"app-{number}",
        number=number,
        service="app",
        release=release,
        image=f"app:{release}",
        image_id=f"sha256:{release}",
        config_hash=release,
        state=state,
        health="none",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        started=None,
        restarts=0,
        exit_code=0,
        oom_killed=False,
    )
    return Member(replica, ready=ready and state == "running", listed=listed and state == "running")


def fleet(*members: Member, managed: bool = True, split: bool = False) -> Fleet:
    """A fleet of these members."""
    return Fleet(members, managed, split)


class ModelStack:
    """Checks at each step the invariants that it could break."""

    def __init__(self, before: Fleet, release: str = NEW) -> None:
        self.release = {member.name: member.replica.release for member in before.members}
        self.ready = {member.name for member in before.members if member.ready}
        self.routed = {member.name for member in before.members if member.listed}
        self.managed = before.managed
        self.canary: set[str] = set()
        self.target = release
        self.started: list[str] = []
        self.removed: list[str] = []
        self.stopped = {member.name for member in before.dead}
        self.draining: set[str] = set()
        self.remembered: int | None = None

    @property
    def serving(self) -> set[str]:
        """Replicas that answer requests."""
        return self.routed & self.ready

    def run(self, steps: Iterable[object]) -> None:
        for step in steps:
            self.do(step)

    def do(self, step: object) -> None:
        if isinstance(step, Start):
            assert self.managed, "a replica was started while the balancer serves every running one"
            first = max((int(name.split("-")[1]) for name in [*self.release, *self.removed]), default=0) + 1
            for number in range(first, first + step.count):
                self.release[f"app-{number}"] = self.target
                self.started.append(f"app-{number}")
        elif isinstance(step, AwaitReady):
            self.ready |= {*step.names, *self.started}
        elif isinstance(step, Route):
            names = {*step.names, *(self.started if step.started else ())}
            assert names <= set(self.release), "the balancer got a replica that does not exist"
            assert not self.serving or names & self.ready, "the balancer was left without a ready replica"
            assert names - self.routed <= self.ready, "a replica got traffic before it was ready"
            self.draining |= self.routed - names
            self.routed, self.canary, self.managed = names, set(), True
        elif isinstance(step, Split):
            canary = {*step.canary, *self.started}
            assert canary and canary <= self.ready, "the canary got traffic before it was ready"
            stable = set(step.names)
            assert stable & self.ready or stable <= self.routed, "stable is neither ready nor did it serve before"
            names = {*step.names, *canary}
            assert names <= set(self.release), "the balancer got a replica that does not exist"
            self.draining |= self.routed - names
            self.routed, self.canary, self.managed = names, canary, True
        elif isinstance(step, Drain):
            self.draining = set()
        elif isinstance(step, Stop | Remove):
            self._end(step)
        elif isinstance(step, Recreate):
            for name in step.names:
                self.release[name] = OLD
                self.ready.add(name)
                self.stopped.discard(name)
        elif isinstance(step, Remember):
            self.remembered = step.replicas

    def _end(self, step: Stop | Remove) -> None:
        for name in step.names:
            assert name not in self.routed or name not in self.ready, f"{name} was removed while it had traffic"
            assert name not in self.draining, f"{name} was removed before it was drained"
            self.ready.discard(name)
            self.removed.append(name)
            if isinstance(step, Stop):
                self.stopped.add(name)
            else:
                del self.release[name]
                self.stopped.discard(name)

    def now(self) -> Fleet:
        """The present state as a planner would see it."""
        return Fleet(
            tuple(
                member(
                    int(name.split("-")[1]),
                    release,
                    name in self.ready,
                    name in self.routed,
                    "exited" if name in self.stopped else "running",
                )
                for name, release in self.release.items()
            ),
            self.managed,
            bool(self.canary),
        )
