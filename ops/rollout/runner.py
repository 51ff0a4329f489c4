"""Carries out the steps of a plan, each written down before it begins, and, when one fails, puts everything back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import singledispatchmethod

from ops.balancer.split import ALWAYS, TrafficSplit
from ops.engine.compose import start_arguments
from ops.engine.recreate import recreate, snapshot
from ops.engine.replicas import remove, start, stop
from ops.errors import Interrupted, LockHeld, OperationFailed, StableGone, VideaError
from ops.events import Emit, Note, announced
from ops.pins import remember
from ops.rollout.fleet import Fleet
from ops.rollout.hooks import follow, run_hook
from ops.rollout.journal import Journal, Opening, RemovalEntry, ReturnEntry, StepEntry, Story
from ops.rollout.lock import Lease
from ops.rollout.monitor import Monitor
from ops.rollout.ready import await_ready
from ops.rollout.smoke import check_command, check_paths
from ops.rollout.steps import (
    AwaitReady,
    Check,
    Drain,
    Follow,
    Hook,
    Judge,
    Keep,
    Pause,
    Plan,
    Remember,
    Remove,
    Route,
    Split,
    Start,
)
from ops.rollout.targets import variables_of
from ops.rollout.undo import Recreate, plan_undo, stable_gone
from ops.stack import Stack

WORKERS = 8
DRAIN_SLACK = 5.0
"""Seconds beyond ``drain_timeout`` until a worker that nginx itself should have ended is given up."""


class Runner:
    """Carries out one operation, from its beginning or from where its journal broke off. Not to be used twice."""

    def __init__(self, stack: Stack, journal: Journal, lease: Lease, opening: Opening, emit: Emit) -> None:
        self.stack = stack
        self.journal = journal
        self.opening = opening
        self.emit = emit
        self.monitor = Monitor(stack, journal, lease, emit)
        self._lease = lease
        self._target = opening.target
        self._token = secrets.token_hex(8)
        self._started: list[str] = []

    def run(self, plan: Plan) -> None:
        """Runs every step. When one fails or the operator interrupts, what was changed is put back.

        Raises the VideaError of the step that failed, Interrupted, or StableGone when there is nothing to go back to.
        """
        self._target = plan.target
        try:
            for number, step in enumerate(plan.steps, 1):
                self.monitor.poll_commands()
                share = step.percent if isinstance(step, Split) and not step.private else None
                share = step.percent if isinstance(step, Judge) else share
                self.journal.write(StepEntry(number, len(plan.steps), str(step), share, time.time()))
                self._announced(step)
        except KeyboardInterrupt:
            self.put_back("interrupted")
            raise Interrupted("interrupted; everything was put back", "run the same command to try again") from None
        except LockHeld:
            raise
        except VideaError as error:
            self.put_back(error.message)
            raise
        self.journal.end()

    def put_back(self, reason: str) -> None:
        """Puts everything back; a failure leaves it to the journal, and says so. Raises StableGone."""
        self.emit(Note("putting everything back"))
        try:
            with ThreadPoolExecutor(max_workers=1) as pool:  # at the same time: going back is to be quick
                looking = pool.submit(self.stack.fleet, remembered=True)
                self.journal.write(ReturnEntry(reason))
            self.undo(looking.result())
        except StableGone as error:
            raise StableGone(f"{reason}; {error.message}", error.hint) from error
        except (VideaError, KeyboardInterrupt) as error:
            there = ", ".join(replica.name for replica in self.stack.replicas())
            self.emit(Note(f"could not put everything back ({error or 'interrupted'}); there are now: {there}"))
            self.emit(Note("try again: videa deploy --abort, or finish it: videa deploy --resume"))

    def undo(self, fleet: Fleet) -> None:
        """Goes back to what there was when the operation began. ``fleet``: what there is now. Raises VideaError."""
        story = self.journal.told()
        removed = story.snapshots
        started = [member.name for member in fleet.members if member.name not in self.opening.before]
        if stable_gone(self.opening.served, removed, fleet):
            raise StableGone(
                f"it was not put back: none of {', '.join(self.opening.served)} is there and ready any more",
                "the new replicas keep serving; finish the deploy with `videa deploy --resume`, or start another",
            )
        for step in plan_undo(self.opening.served, removed, started, fleet):
            self._lease.check()
            self._announced(step)
        remember(self.stack.project.env_file, self.opening.variables)
        self._undo_around(story)
        self.journal.end()

    def _undo_around(self, story: Story) -> None:
        """What is not the service itself: those that follow it, and the project's hook for a deploy that failed."""
        settings = self.stack.project.settings
        followed = Follow(settings.also)
        if settings.also and str(followed) in story.steps:
            with announced(f"{followed} back", self.emit):
                follow(self.stack, followed, None)
        if settings.hooks.on_abort and self.opening.request is not None:
            hook = Hook("on_abort", settings.hooks.on_abort)
            try:
                with announced(str(hook), self.emit):
                    run_hook(self.stack, hook, self._target)
            except VideaError as error:
                self.emit(Note(error.message))

    @singledispatchmethod
    def _do(self, step: object) -> None:
        raise TypeError(f"no step: {step!r}")

    @_do.register
    def _start(self, step: Start) -> None:
        before = {replica.name for replica in self.stack.replicas()}
        service = self.stack.project.settings.service
        try:
            self.stack.project.compose.run(
                *start_arguments(service, len(before) + step.count), overrides=self._target.overrides
            )
        finally:
            self._started += [replica.name for replica in self.stack.replicas() if replica.name not in before]

    @_do.register
    def _await_ready(self, step: AwaitReady) -> None:
        await_ready(self.stack, [*step.names, *self._started])

    @_do.register
    def _route(self, step: Route) -> None:
        names = [*step.names, *(self._started if step.started else ())]
        self.stack.balancer.apply(self.stack.upstream(names))

    @_do.register
    def _split(self, step: Split) -> None:
        split = TrafficSplit(
            servers=(*step.canary, *self._started),
            percent=step.percent,
            by=self.stack.project.settings.split_by,
            token=self._token if step.private else ALWAYS,
        )
        self.stack.balancer.apply(self.stack.upstream(step.names, split))

    @_do.register
    def _check(self, step: Check) -> None:
        check_paths(self.stack, step.paths, self._token)
        for command in step.commands:
            check_command(self.stack, command, self._token)

    @_do.register
    def _hook(self, step: Hook) -> None:
        try:
            run_hook(self.stack, step, self._target)
        except OperationFailed as error:
            if not step.name.startswith("post"):
                raise
            self.monitor.note(f"{error.message}; the release stays")

    @_do.register
    def _follow(self, step: Follow) -> None:
        follow(self.stack, step, self._target)

    @_do.register
    def _judge(self, step: Judge) -> None:
        self.monitor.judge(step.percent, self._new())

    @_do.register
    def _pause(self, step: Pause) -> None:
        self.monitor.pause()

    @_do.register
    def _keep(self, step: Keep) -> None:
        self.monitor.pause(step.seconds)

    @_do.register
    def _drain(self, step: Drain) -> None:
        self.stack.balancer.wait_drained(self.stack.project.settings.drain_timeout + DRAIN_SLACK, self.emit)

    @_do.register
    def _remove(self, step: Remove) -> None:
        found = {name: dict(snapshot(self.stack.engine, name)) for name in step.names}
        self.journal.write(RemovalEntry({name: details for name, details in found.items() if details}))
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(self._stop_and_remove, step.names))

    @_do.register
    def _remember(self, step: Remember) -> None:
        project = self.stack.project
        remember(project.env_file, variables_of(project, self._target, step.replicas))

    @_do.register
    def _recreate(self, step: Recreate) -> None:
        story = self.journal.told()
        there = {replica.name for replica in self.stack.replicas()}
        for name in step.names:
            if name in there:
                start(self.stack.engine, name)
            else:
                recreate(self.stack.engine, story.snapshots[name])
        await_ready(self.stack, step.names, starting=False)

    def _stop_and_remove(self, name: str) -> None:
        stop(self.stack.engine, name)
        remove(self.stack.engine, name)

    def _new(self) -> Collection[str]:
        """The replicas of the release that is being deployed."""
        forced = self.opening.request is not None and self.opening.request.force
        kept = self.opening.before if forced else ()
        return [
            replica.name
            for replica in self.stack.replicas()
            if replica.release == self._target.release and replica.name not in kept
        ]

    def _announced(self, step: object) -> None:
        with announced(str(step), self.emit):
            self._do(step)
