"""An operation on one or several services, one after the other. If one fails, the earlier ones are rolled back, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from ops.errors import Aftermath, EngineError, VideaError, explained
from ops.events import Emit, ServiceReached, Standing, VerdictGiven, announced
from ops.notices import NotServing
from ops.parts import MAX_REPLICAS, Part
from ops.preflight import spare
from ops.recording import new_header
from ops.rollout.command_queue import Command
from ops.rollout.confirm import confirm
from ops.rollout.entries import BackTo, Following, Header, JournalState
from ops.rollout.journal import Journal
from ops.rollout.lease import Lease
from ops.rollout.runner import Runner
from ops.rollout.stopping import BEHIND, MOST_BEHIND, Stopping
from ops.stack import Stack
from ops.steps import Plan, Start


class Batch:
    """Runs the parts of one operation. ``headers``: the journal headers of the services changed so far.

    ``idle``: replicas that the operation did not touch and that do not serve.
    """

    def __init__(
        self,
        stack: Callable[[str], Stack],
        journal: Journal,
        lease: Lease,
        emit: Emit,
        command: str,
        automatic: bool = False,
    ) -> None:
        """``stack``: returns a service's stack; ``command``: as typed, without secrets; ``automatic``: see Header."""
        self._stack = stack
        self._journal = journal
        self._lease = lease
        self._emit = emit
        self._command = command
        self._automatic = automatic
        self.headers: list[Header] = []
        self.verdicts: list[VerdictGiven] = []
        self.left: Standing | None = None
        self.idle: list[NotServing] = []
        self._stopping: Stopping | None = None

    def run(self, parts: Sequence[Part], detach: bool = False, promotion: Command | None = None) -> None:
        """Runs all parts and checks the result. With ``detach``, stops at the first wait and stores it in ``left``.

        Raises like ``Runner.run``.
        """
        if parts[0].header:
            self._stop_the_rest(self._journal.state().earlier)
        for number, part in enumerate(parts):
            if len(parts) > 1:
                self._emit(ServiceReached(part.service))
            header = part.header or self._begin(part, parts[number + 1 :], first=number == 0)
            earlier = self._journal.state().earlier
            runner = self._runner(part.stack, header, earlier, _behind(part, header), detach)
            self._stopping = runner.stopping
            runner.monitor.promotion = promotion
            self.headers = [*(state.header for state in earlier), header]
            try:
                runner.run(part.plan, None if parts[number + 1 :] else lambda: self._confirm(parts))
            finally:
                self.verdicts += runner.monitor.verdicts
            promotion = runner.monitor.promotion
            self.left = runner.left
            if self.left:
                return

    def roll_back(self, state: JournalState, reason: str) -> Aftermath:
        """Rolls back all services of an operation that waits or was interrupted."""
        self.headers = [*(earlier.header for earlier in state.earlier), state.header]
        return self._runner(self._stack(state.header.service), state.header, state.earlier).roll_back(reason)

    def _begin(self, part: Part, later: Sequence[Part], first: bool) -> Header:
        """Writes the header of a part. If that fails, the earlier ones are rolled back. Raises VideaError."""
        try:
            header = self._header(part, later)
            if first:
                self._journal.begin(header)
            else:
                self._journal.write(header)
        except VideaError as error:
            if first:
                raise
            raise explained(error, self.roll_back(self._journal.state(), error.message)) from error
        return header

    def _stop_the_rest(self, earlier: Sequence[JournalState]) -> None:
        """Stops the replicas of ``earlier`` services that the previous process was still stopping when it exited."""
        for state in earlier:
            stack, removed = self._stack(state.header.service), state.snapshots
            present = [replica for replica in stack.replicas() if replica.name in removed]
            # A new replica may have the same name by now.
            names = [each.name for each in present if removed[each.name].get("Id", each.id) == each.id]
            self._stopping = Stopping(stack.platform, self._lease.check, len(names), self._stopping)
            self._stopping.begin(names)

    def _confirm(self, parts: Sequence[Part]) -> None:
        with announced("check the result", self._emit):
            self.idle = [each for part in parts for each in _confirm(part)]
        for each in self.idle:
            self._emit(each)

    def _header(self, part: Part, later: Sequence[Part]) -> Header:
        following = (Following(other.service, other.wanted, other.plan.target, other.request) for other in later)
        return new_header(
            part.stack,
            self._command,
            part.fleet,
            part.plan.target,
            part.wanted,
            part.request,
            tuple(following),
            self._automatic,
        )

    def _runner(
        self,
        stack: Stack,
        header: Header,
        earlier: Sequence[JournalState],
        behind: int = BEHIND,
        detach: bool = False,
    ) -> Runner:
        back = self._return_to(earlier)
        return Runner(stack, self._journal, self._lease, header, self._emit, behind, detach, back, self._stopping)

    def _return_to(self, earlier: Sequence[JournalState]) -> Callable[[str], Aftermath] | None:
        """Rolls back the ``earlier`` services, the last one first; None if there are none."""
        if not earlier:
            return None
        *before, last = earlier

        def roll_back(reason: str) -> Aftermath:
            self._emit(ServiceReached(last.header.service))
            self._journal.write(BackTo(last.header.service))
            if self._stopping:
                with suppress(EngineError):  # a replica that could not be stopped can still be returned
                    self._stopping.wait()
            return self._runner(self._stack(last.header.service), last.header, before).roll_back(reason)

        return roll_back


def _confirm(part: Part) -> list[NotServing]:
    """Raises OperationFailed."""
    releases, repair = {part.plan.target.release}, "run the same command again"
    if part.request is None:
        releases |= {member.replica.release for member in part.fleet.alive}
        repair = f"scale again: {part.stack.project.scale_command(part.wanted)}"
    unready = [member.name for member in part.fleet.alive if not member.ready]
    return confirm(part.stack, part.wanted, releases, unready, repair)


def combined(parts: Sequence[Part]) -> Plan:
    """One plan with the steps of all parts, to show."""
    if len(parts) == 1:
        return parts[0].plan
    summary = "; ".join(f"{part.service}: {part.plan.summary}" for part in parts)
    return Plan(tuple(step for part in parts for step in part.plan.steps), parts[0].plan.target, summary)


def _behind(part: Part, header: Header) -> int:
    """The number of replicas that may still be stopping while the plan continues: any number if it starts none.

    Otherwise, as many as the free memory and connections allow; none if the resources were not measured.
    """
    if not any(isinstance(step, Start) for step in part.plan.steps):
        return MAX_REPLICAS
    surge = part.plan.surge
    room = spare(part.capacity, len(header.before) + surge, surge) if part.capacity else 0
    return BEHIND if room is None else min(MOST_BEHIND, room)
