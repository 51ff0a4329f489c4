"""What each step of a plan does to the replicas and the balancer. The runner decides when, and in which order."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import singledispatchmethod

from ops.ejected import Ejected
from ops.errors import OperationFailed
from ops.events import Emit, HookFailed
from ops.notices import EdgeLeftOut
from ops.platform.ports import Named
from ops.rollout.entries import Header, RemovalEntry
from ops.rollout.hooks import run_hook
from ops.rollout.journal import Journal
from ops.rollout.lease import Lease
from ops.rollout.monitor import Monitor
from ops.rollout.next_start import check_next_start
from ops.rollout.observing import observe_replicas
from ops.rollout.one_shots import run_one_shot
from ops.rollout.ready import await_ready
from ops.rollout.smoke import check_command, check_paths
from ops.rollout.started import Started
from ops.rollout.starting import start_replicas
from ops.rollout.stopping import Stopping
from ops.rollout.targets import variables_of
from ops.stack import Stack
from ops.steps import (
    AnyStep,
    AwaitReady,
    Check,
    Delay,
    Drain,
    Follow,
    Hook,
    Observe,
    Plan,
    Recreate,
    Remember,
    Remove,
    Route,
    RunOnce,
    SetAvailability,
    Split,
    Start,
    Stop,
)
from ops.traffic import TrafficSplit, Upstream

ENOUGH = 50
"""Newest listed replicas that are checked first: if one runs, replicas other than the leaving ones are running."""

DRAIN_SLACK = 5.0
"""Seconds beyond ``drain_timeout`` to wait for an old worker process that nginx itself should have ended."""


class StepActions:
    """The actions for one operation on one service. For one use only."""

    def __init__(
        self,
        stack: Stack,
        journal: Journal,
        lease: Lease,
        header: Header,
        emit: Emit,
        monitor: Monitor,
        stopping: Stopping,
    ) -> None:
        """``stopping``: stops the replicas that leave; ``monitor``: receives the commands that end a step early."""
        self._stack = stack
        self._journal = journal
        self._lease = lease
        self._header = header
        self._emit = emit
        self._monitor = monitor
        self._stopping = stopping
        self._target = header.target
        self._token = secrets.token_hex(8)
        self._started = Started()
        self._starts_left = 0
        self._recorded: Remove | Stop | None = None
        self.following: Sequence[AnyStep] = ()
        """The steps after the current one."""

    def begin(self, plan: Plan) -> None:
        """The next steps are those of ``plan``."""
        self._target = plan.target
        self._starts_left = sum(isinstance(step, Start) for step in plan.steps)

    def removal(self, step: object) -> Iterator[RemovalEntry]:
        """What the journal must have before ``step`` removes or stops replicas: everything to recreate them."""
        if isinstance(step, Remove | Stop):
            snapshots = {name: dict(self._stack.platform.blueprint(name)) for name in step.names}
            yield RemovalEntry({name: snapshot for name, snapshot in snapshots.items() if snapshot})
            self._recorded = step

    def new_replicas(self) -> Collection[str]:
        """The replicas of the new release."""
        forced = self._header.request is not None and self._header.request.force
        old = self._header.before if forced else ()
        return [
            replica.name
            for replica in self._stack.replicas()
            if replica.release == self._target.release and replica.name not in old
        ]

    @singledispatchmethod
    def do(self, step: object) -> None:
        """Does what one step says, and returns when it is done. Raises the VideaError of a step that fails."""
        raise TypeError(f"not a step: {step!r}")

    @do.register
    def _start(self, step: Start) -> None:
        self._starts_left -= 1
        self._stopping.make_room()
        start_replicas(self._stack, step.count, self._target, self._stopping, self._started.names, self._lease.permit)

    @do.register
    def _await_ready(self, step: AwaitReady) -> None:
        looked = self._started.looked()
        states = self._stack.platform.states(Named(looked)) if looked else {}
        ended = {name for name in looked if states.get(name) != "running"}
        with self._next_start_checked():
            await_ready(self._stack, [*step.names, *self._started.due(not self._starts_left, ended)])

    @do.register
    def _route(self, step: Route) -> None:
        names = [*step.names, *(self._started.names if step.started else ())]
        self._serve(self._stack.upstream(self._without_ejected(names)))

    @do.register
    def _split(self, step: Split) -> None:
        split = TrafficSplit(
            servers=(*step.canary, *self._started.names),
            percent=step.percent,
            by=self._stack.project.settings.split_by,
            token=self._token if step.private else "",
        )
        self._serve(self._stack.upstream(self._without_ejected(step.names), split))

    @do.register
    def _check(self, step: Check) -> None:
        check_paths(self._stack, step.paths, self._token)
        for command in step.commands:
            check_command(self._stack, command, self._token)

    @do.register
    def _hook(self, step: Hook) -> None:
        try:
            run_hook(self._stack, step, self._target)
        except OperationFailed as error:
            if not step.name.startswith("post"):
                raise
            self._monitor.note(HookFailed(step.name, error.message))

    @do.register
    def _run_once(self, step: RunOnce) -> None:
        run_one_shot(self._stack, step, self._lease.permit)

    @do.register
    def _follow(self, step: Follow) -> None:
        self._stack.platform.follow(step.services, self._target, self._lease.permit)

    @do.register
    def _drain(self, step: Drain) -> None:
        with self._next_start_checked():
            self._stack.gateway.wait_drained(self._stack.project.settings.drain_timeout + DRAIN_SLACK, self._emit)

    @do.register
    def _remove(self, step: Remove) -> None:
        self._check_others_run(step.names)
        self._record_removal(step)
        self._stopping.begin(step.names)

    @do.register
    def _stop(self, step: Stop) -> None:
        self._record_removal(step)
        self._stopping.stop(step.names)

    @do.register
    def _observe(self, step: Observe) -> None:
        observe_replicas(self._stack, self.new_replicas(), step.seconds, self._monitor.poll_commands)

    @do.register
    def _delay(self, step: Delay) -> None:
        self._stopping.wait()
        with self._lease.suspended(self._journal.confirm):
            self._monitor.pause(step.seconds)

    @do.register
    def _remember(self, step: Remember) -> None:
        project = self._stack.project
        self._stack.platform.remember(variables_of(project, self._target, step.replicas))

    @do.register
    def _set_availability(self, step: SetAvailability) -> None:
        self._stopping.wait()
        if step.availability == "drain":
            self._check_left(step)
        self._stack.platform.nodes.set_availability(step.node, step.availability)

    @do.register
    def _recreate(self, step: Recreate) -> None:
        self._stopping.wait()
        self._stopping.begun.difference_update(step.names)
        state = self._journal.state()
        present = self._stack.platform.names()
        for name in step.names:
            self._lease.permit()
            if name in present:
                self._stack.platform.start(name)
            else:
                self._stack.platform.restore(state.snapshots[name])
        await_ready(self._stack, step.names, starting=False)

    def _next_start_checked(self) -> AbstractContextManager[None]:
        following, self.following = self.following, ()  # a rollback starts nothing after it
        return check_next_start(self._stack.platform, following, self._target)

    def _without_ejected(self, names: Sequence[str]) -> Sequence[str]:
        """``names`` without those that `videa watch` has ejected and that are not ready again; all if none remains."""
        ejected = Ejected(self._stack.store, self._stack.project.name)
        if not ejected.read():
            return names
        replicas = self._stack.replicas(Named(set(names)))
        out = ejected.names(replicas)
        results = self._stack.probe(replica for replica in replicas if replica.name in out)
        ready = {name for name, result in results.items() if result.ok}
        return [name for name in names if name not in out - ready] or names

    def _check_others_run(self, leaving: Collection[str]) -> None:
        """Raises OperationFailed if the last running replicas would be removed, because others were removed outside."""
        listed = self._stack.gateway.membership(remembered=True).servers
        for names in (listed[-ENOUGH:], listed):  # one running replica is enough, and is usually among the newest
            states = self._stack.platform.states(Named({*leaving, *names}))
            running = {name for name, state in states.items() if state == "running"}
            if not running & set(leaving) or running & set(names):
                return
        if listed:
            raise OperationFailed(
                f"the replicas in the balancer ({', '.join(listed)}) are no longer running",
                "something else, such as `docker compose up`, has removed them: see `docker events`",
            )

    def _check_left(self, step: SetAvailability) -> None:
        """Raises OperationFailed if replicas run on a node that is about to be drained: it would stop them at once."""
        served = self._stack.project.services
        left = [each.name for each in self._stack.containers() if each.node == step.node and each.service in served]
        if left:
            raise OperationFailed(f"{', '.join(left)} still run on {step.name}", "run the same command again")

    def _record_removal(self, step: Remove | Stop) -> None:
        """Writes the removal to the journal for a step of a rollback, which has no entry of its own."""
        if step is not self._recorded:
            self._journal.write(*self.removal(step))

    def _serve(self, upstream: Upstream) -> None:
        """Changes the balancer, and reports nginx instances that did not get it. Raises like ``Gateway.apply``."""
        for edge in self._stack.gateway.apply(upstream).left_out:
            self._emit(EdgeLeftOut(edge.name, edge.node, edge.reason))
