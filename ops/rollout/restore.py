"""Rolls back an operation that failed or was aborted. The result is one value, ``Aftermath``."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

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
from ops.rollout.confirm import differences
from ops.rollout.entries import Header, JournalState, ReturnEntry
from ops.rollout.hooks import run_hook
from ops.rollout.journal import Journal
from ops.rollout.lease import Lease
from ops.rollout.result import unlike_before
from ops.rollout.stopping import Stopping
from ops.rollout.targets import return_tag
from ops.rollout.undo import plan_undo, stable_gone, stopped
from ops.stack import Stack
from ops.steps import AnyStep, Drain, Follow, Hook, Route, SetAvailability

PATIENCE = 30.0
"""Seconds for which the rollback is retried while the engine or nginx does not answer, if the lease stays valid."""

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between two tries; the last value applies to all further tries."""

ROUNDS = 3
"""Number of checks for replicas that an interrupted command may still start."""


COMPLETE = (Left.UNCHANGED, Left.ROLLED_BACK, Left.NOT_AS_BEFORE)
"""The results after which the services that were changed earlier are rolled back, too."""


class _NotAsBefore(VideaError):
    """The rollback is complete, and the stack differs from the state before the operation."""


@dataclass
class Restorer:
    """Rolls back the changes of one operation to one service. ``do``: runs one step and emits its events.

    ``earlier``: called afterwards with the reason, rolls back the services that the operation changed earlier; None if
    there are none.
    """

    stack: Stack
    journal: Journal
    lease: Lease
    header: Header
    emit: Emit
    do: Callable[[AnyStep], None]
    stopping: Stopping
    earlier: Callable[[str], Aftermath] | None = None
    _looking: Future[Fleet] | None = field(default=None, init=False)

    def look_ahead(self) -> None:
        """Starts to observe the replicas in case a rollback comes next. No other operation changes them."""
        self._looking = self._look()

    def roll_back(self, reason: str) -> Aftermath:
        """Restores the state before the operation. ``reason``: the cause, recorded in the journal.

        Signals do not interrupt it. While the engine does not answer, it is retried for PATIENCE, as long as the lease
        is valid.
        """
        with held():
            own = self._roll_back(reason)
            if self.earlier is None or own.left not in COMPLETE:
                return own
            others = self.earlier(reason)
            if others.left not in COMPLETE or own.as_before:
                return replace(others, replicas=(*(own.replicas or ()), *(others.replicas or ())) or None)
            return own

    def _roll_back(self, reason: str) -> Aftermath:
        try:
            if not self.journal.state().steps:
                if self.earlier is None:
                    self.end()
                return Aftermath(Left.UNCHANGED)
            self.emit(RollingBack())
            self._patiently(lambda: self._undo(reason))
        except StableGone as error:
            return Aftermath(Left.NEW_SERVES, error.message)
        except LockHeld:
            return self.lost()
        except _NotAsBefore as error:
            repair = f"to run as many replicas as before: {self.stack.project.scale_command(len(self.header.served))}"
            return Aftermath(Left.NOT_AS_BEFORE, error.message, repair=repair)
        except VideaError as error:
            return Aftermath(Left.HALF_WAY, error.message, self._present())
        return Aftermath(Left.ROLLED_BACK, replicas=self._not_brought_back())

    def lost(self) -> Aftermath:
        """The result of an operation that has lost its lock. Its journal stays if another process can continue it."""
        with suppress(EngineError):
            if not self.journal.is_mine():
                return Aftermath(Left.TAKEN_OVER)
            if not self.journal.state().steps:
                self.journal.end()
                return Aftermath(Left.UNCHANGED)
        return Aftermath(Left.STOPPED)

    def end(self) -> None:
        """Closes the journal. A journal that cannot be removed is only reported: all work is done. Raises LockHeld."""
        try:
            self._patiently(self.journal.end)
        except EngineError as error:
            self.emit(JournalLeft(error.message))

    def _undo(self, reason: str) -> None:
        """One try of the rollback. Raises VideaError: StableGone if no old replica can serve again."""
        state = self.journal.state()
        looking, self._looking = self._looking or self._look(), None
        if not state.returning:
            self.journal.write(ReturnEntry(reason))  # while the replicas are observed
        self._undo_availability(state)
        fleet, before = self._without_stopping(looking.result()), self.header.before
        worker = self.stack.project.settings.worker
        stop_first = self.header.request is not None and self.header.request.pace.stop_first
        removed: Collection[str] = state.snapshots
        if stable_gone(self.header.served, removed, fleet):
            removed = stopped(self.header.served, fleet)  # for example after a `docker stop`
        if stable_gone(self.header.served, removed, fleet):
            raise StableGone(f"none of {', '.join(self.header.served)} still exists and is ready", "")
        for _ in range(ROUNDS):
            started = [member.name for member in fleet.members if member.name not in before]
            for step in plan_undo(self.header.served, removed, started, fleet, stop_first, worker):
                if not (worker and isinstance(step, Route | Drain)):
                    self.do(step)
            self.stopping.wait()
            if set(self.stack.platform.names()) <= set(before):
                break
            fleet = self._without_stopping(self.stack.fleet())
        self.lease.permit()
        self.stack.platform.remember(self.header.variables)
        if self.header.request is not None:
            return_tag(self.stack, self.header.request.pulled)
        self._undo_around(state)
        header = self.header
        found = differences(
            self.stack,
            lambda fleet, listed: unlike_before(fleet, listed, header.before, header.served, header.releases),
        )
        if self.earlier is None:
            self.end()
        if found:
            raise _NotAsBefore("; ".join(found), "")

    def _undo_availability(self, state: JournalState) -> None:
        """Restores the availability of each node: recreated replicas may be able to run only there."""
        changed = [step for step in state.steps if isinstance(step, SetAvailability)]
        first = {step.node: step for step in reversed(changed)}
        for step in first.values():
            self.do(SetAvailability(step.node, step.name, step.before, step.availability))

    def _look(self) -> Future[Fleet]:
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="videa-look")
        looking = pool.submit(self.stack.fleet, remembered=True)
        pool.shutdown(wait=False)
        return looking

    def _without_stopping(self, fleet: Fleet) -> Fleet:
        """The fleet without the replicas that are being stopped: they may still answer, but not for long."""
        stopping = self.stopping.begun
        return replace(fleet, members=tuple(member for member in fleet.members if member.name not in stopping))

    def _undo_around(self, state: JournalState) -> None:
        """Rolls back the services that follow the release, and runs the project's on_abort hook."""
        settings = self.stack.project.settings
        for step in dict.fromkeys(step for step in state.steps if isinstance(step, Follow)):
            with announced(Back(step), self.emit):
                self.stack.platform.follow(step.services, None, self.lease.permit)
        if settings.hooks.on_abort and self.header.request is not None:
            hook = Hook("on_abort", settings.hooks.on_abort)
            try:
                with announced(hook, self.emit):
                    self.lease.permit()
                    run_hook(self.stack, hook, self.header.target)
            except OperationFailed as error:
                self.emit(HookFailed(hook.name, error.message))

    def _patiently(self, action: Callable[[], None]) -> None:
        """Retries ``action`` while the engine or nginx does not answer. Raises its last error."""
        begun, tries = time.monotonic(), 0
        failure: VideaError | None = None
        while True:
            try:
                self.lease.permit()
                return action()
            except LockHeld as error:
                raise failure or error from None  # the lease was lost because the engine did not answer
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
        """Replicas that did not serve before the operation and were removed: the rollback does not recreate them."""
        idle = [name for name in self.header.before if name not in self.header.served]
        present = self._present() if idle else ()
        return tuple(name for name in idle if present is not None and name not in present)

    def _present(self) -> tuple[str, ...] | None:
        try:
            return tuple(self.stack.platform.names())
        except EngineError:
            return None
