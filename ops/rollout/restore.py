"""Puts back an operation that failed or was aborted. What has become of that is one value, ``Aftermath``."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ops.errors import (
    Aftermath,
    BalancerError,
    ConfigRefused,
    EngineError,
    Left,
    LockHeld,
    OperationFailed,
    StableGone,
    VideaError,
)
from ops.events import Back, Emit, HookFailed, JournalLeft, Retrying, RollingBack, announced
from ops.fleet import Fleet
from ops.interrupts import held
from ops.rollout.hooks import run_hook
from ops.rollout.journal import Header, Journal, JournalState, ReturnEntry
from ops.rollout.lease import Lease
from ops.rollout.stopping import Stopping
from ops.rollout.targets import return_tag
from ops.rollout.undo import plan_undo, stable_gone, stopped
from ops.stack import Stack
from ops.steps import AnyStep, Follow, Hook

PATIENCE = 30.0
"""Seconds for which it is tried again while the engine or nginx does not answer; a lost lease ends that, too."""

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between two tries; the last for all further ones."""

ROUNDS = 3
"""How often it is looked for what an interrupted command has still started."""


@dataclass(frozen=True)
class Restorer:
    """Puts one operation back. ``do``: carries out one step and tells of it."""

    stack: Stack
    journal: Journal
    lease: Lease
    header: Header
    emit: Emit
    do: Callable[[AnyStep], None]
    stopping: Stopping

    def roll_back(self, reason: str) -> Aftermath:
        """Goes back to what there was when the operation began. ``reason``: why, for whoever goes on with it.

        No signal ends it, and an engine that answers late is asked again for PATIENCE, while the lease is valid.
        """
        with held():
            try:
                if not self.journal.state().steps:
                    self.end()
                    return Aftermath(Left.UNCHANGED)
                self.emit(RollingBack())
                self._patiently(lambda: self._undo(reason))
            except StableGone as error:
                return Aftermath(Left.NEW_SERVES, error.message)
            except LockHeld:
                return Aftermath(Left.STOPPED)
            except VideaError as error:
                return Aftermath(Left.HALF_WAY, error.message, self._present())
            return Aftermath(Left.ROLLED_BACK, replicas=self._not_brought_back())

    def end(self) -> None:
        """Closes the journal. All is done by then, so that one that cannot be removed is only told. Raises LockHeld."""
        try:
            self._patiently(self.journal.end)
        except EngineError as error:
            self.emit(JournalLeft(error.message))

    def _undo(self, reason: str) -> None:
        """One try to go back. Raises VideaError, its kind StableGone when there is nothing to go back to."""
        state = self.journal.state()
        with ThreadPoolExecutor(max_workers=1) as pool:  # at the same time: rollback must be fast
            looking = pool.submit(self.stack.fleet, remembered=True)
            if not state.returning:
                self.journal.write(ReturnEntry(reason))
        fleet, before = self._without_stopping(looking.result()), self.header.before
        removed: Collection[str] = state.snapshots
        if stable_gone(self.header.served, removed, fleet):
            removed = stopped(self.header.served, fleet)  # such as by somebody's `docker stop`
        if stable_gone(self.header.served, removed, fleet):
            raise StableGone(f"none of {', '.join(self.header.served)} is there and ready any more", "")
        for _ in range(ROUNDS):
            started = [member.name for member in fleet.members if member.name not in before]
            for step in plan_undo(self.header.served, removed, started, fleet):
                self.do(step)
            self.stopping.wait()
            if {replica.name for replica in self.stack.replicas()} <= set(before):
                break
            fleet = self._without_stopping(self.stack.fleet())
        self.lease.check()
        self.stack.platform.remember(self.header.variables)
        if self.header.request is not None:
            return_tag(self.stack)
        self._undo_around(state)
        self.end()

    def _without_stopping(self, fleet: Fleet) -> Fleet:
        """What is being stopped may still answer, and is as good as gone."""
        return replace(fleet, members=tuple(each for each in fleet.members if each.name not in self.stopping.begun))

    def _undo_around(self, state: JournalState) -> None:
        """What is not the service itself: those that follow it, and the project's hook for a deploy that failed."""
        settings = self.stack.project.settings
        for step in dict.fromkeys(step for step in state.steps if isinstance(step, Follow)):
            with announced(Back(step), self.emit):
                self.lease.check()
                self.stack.platform.follow(step.services, None)
        if settings.hooks.on_abort and self.header.request is not None:
            hook = Hook("on_abort", settings.hooks.on_abort)
            try:
                with announced(hook, self.emit):
                    self.lease.check()
                    run_hook(self.stack, hook, self.header.target)
            except OperationFailed as error:
                self.emit(HookFailed(hook.name, error.message))

    def _patiently(self, action: Callable[[], None]) -> None:
        """Tries ``action`` again while the engine or nginx does not answer. Raises what it raises in the end."""
        begun, tries = time.monotonic(), 0
        failure: VideaError | None = None
        while True:
            try:
                self.lease.check()
                return action()
            except LockHeld as error:
                raise failure or error from None  # by then it is the engine's silence that has cost the lease
            except ConfigRefused:
                raise
            except (EngineError, BalancerError) as error:
                failure = error
            pause = PAUSES[min(tries, len(PAUSES) - 1)]
            if time.monotonic() - begun + pause > PATIENCE:
                raise failure
            self.emit(Retrying(failure.message))
            time.sleep(pause)
            tries += 1

    def _not_brought_back(self) -> tuple[str, ...]:
        """What was there before, did not serve, and was removed: it has nothing to go back to."""
        idle = [name for name in self.header.before if name not in self.header.served]
        there = self._present() if idle else ()
        return tuple(name for name in idle if there is not None and name not in there)

    def _present(self) -> tuple[str, ...] | None:
        try:
            return tuple(replica.name for replica in self.stack.replicas())
        except EngineError:
            return None
