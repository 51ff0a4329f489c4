"""The steps that wait: a canary under judgement, a pause, an old set kept warm. Other terminals may end them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ops.balancer.access_log import NO_ANSWER, SERVER_ERROR
from ops.balancer.tries import Try, TryLog
from ops.engine.stats import memory
from ops.errors import Aborted, EngineError, ReleaseFailed
from ops.events import Emit, Note
from ops.models import Replica
from ops.rollout.journal import Journal, NoteEntry
from ops.rollout.judgement import Fact, Kind, Side, Verdict, judge
from ops.rollout.lock import Lease
from ops.rollout.mailbox import Command
from ops.rollout.own_metrics import Complaints, ask, new_faults
from ops.settings import Doubt
from ops.stack import Stack

LOOK = 1.0
"""Seconds between two looks at the canary and at what other terminals ask for."""

PAUSE_LOOK = 0.05
"""Seconds between two looks while nothing else is to be seen: going back to a kept set is to be quick."""

ERRORS = 3
"""Looks in a row that may fail to see the canary's requests or containers before that ends the deploy."""


@dataclass
class Attendant:
    """Waits for one operation. ``verdicts``: all that were given, in words."""

    stack: Stack
    journal: Journal
    lease: Lease
    emit: Emit
    verdicts: list[str] = field(default_factory=list)
    _memory: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    _limits: dict[str, int | None] = field(default_factory=dict)
    _complaints: Complaints = field(default_factory=Complaints)

    def heed(self) -> Command | None:
        """What another terminal has asked for. Raises Aborted when that is to abort, LockHeld when the lock is lost."""
        self.lease.check()
        command = None
        with suppress(EngineError):  # one look that fails is made up for by the next
            command = self.journal.mailbox.take()
        if command and command.verb == "abort":
            raise Aborted(f"aborted by {command.who}", "deploy again when it is mended")
        return command

    def pause(self, seconds: float | None = None) -> None:
        """Waits for a promotion, at most ``seconds``. Raises Aborted."""
        until = time.monotonic() + seconds if seconds is not None else float("inf")
        while (left := until - time.monotonic()) > 0:
            command = self.heed()
            if command:
                self.note(f"promoted by {command.who}")
                return
            time.sleep(min(PAUSE_LOOK, left))

    def judge(self, percent: float, canary: Collection[str]) -> None:
        """Returns once the canary has passed at ``percent`` of the traffic, or was promoted meanwhile.

        Raises ReleaseFailed with the verdict's reason, Aborted.
        """
        bounds = self.stack.project.settings.canary
        log = TryLog(self.stack.engine, self.stack.balancer_container.id)
        log.start()
        begun, errors, doubt = time.monotonic(), 0, ""
        try:
            while True:
                time.sleep(LOOK)
                command = self.heed()
                if command:
                    self.note(f"{percent:g}%: promoted by {command.who} without a verdict")
                    return
                elapsed = time.monotonic() - begun
                verdict = self._look(log, canary, early=elapsed < bounds.interval)
                errors = errors + 1 if verdict.kind is Kind.ERROR else 0
                if verdict.kind is Kind.FAIL or errors > ERRORS:
                    raise self._failed(percent, verdict)
                if verdict.kind is Kind.ERROR:
                    log.restart()
                    begun = time.monotonic()
                if elapsed < bounds.interval or verdict.kind is Kind.ERROR:
                    continue
                if verdict.kind is Kind.PASS:
                    self._give(percent, verdict)
                    return
                if verdict.reason != doubt and not doubt:
                    self._give(percent, verdict)
                doubt = verdict.reason
                if elapsed > bounds.deadline:
                    self._end_doubt(percent, verdict)
                    return
        finally:
            log.stop()

    def note(self, text: str) -> None:
        """Says something here and to whoever watches elsewhere."""
        self.emit(Note(text))
        self.journal.write(NoteEntry(text))

    def _look(self, log: TryLog, canary: Collection[str], early: bool) -> Verdict:
        try:
            replicas = self.stack.replicas()
            ours = [replica for replica in replicas if replica.name in canary]
            facts = self._facts(ours)
            told = ask(self.stack, [replica.name for replica in ours if replica.running])
            faults = self._faults(self._complaints.lasting(told), replicas, canary)
        except EngineError as error:
            return Verdict(Kind.ERROR, f"the canary's containers cannot be seen: {error.message}", "no figures")
        if log.breaks:
            return Verdict(Kind.ERROR, "nginx's log has a gap, so what was seen does not count", "no figures")
        missing = set(canary) - {replica.name for replica in replicas}
        facts += [Fact(name, running=False) for name in sorted(missing)]
        tried, stable = sides(log.tries(), replicas, canary)
        waiting = [seconds for figures in told.values() for seconds in figures.unanswered_seconds]
        bounds = self.stack.project.settings.canary
        return judge(replace(tried, waiting=waiting), stable, facts, bounds, early, faults)

    def _faults(
        self, lasting: Sequence[tuple[str, str]], replicas: Iterable[Replica], canary: Collection[str]
    ) -> list[str]:
        """What the canary complains of and stable, which is asked only then, does not."""
        if not lasting:
            return []
        others = [replica.name for replica in replicas if replica.running and replica.name not in canary]
        return new_faults(lasting, ask(self.stack, others))

    def _facts(self, replicas: Iterable[Replica]) -> list[Fact]:
        replicas = list(replicas)
        now = time.monotonic()
        for name, (used, limit) in memory(self.stack.engine, [each.name for each in replicas if each.running]).items():
            self._memory[name].append((now, used))
            self._limits[name] = limit
        return [
            Fact(
                name=replica.name,
                running=replica.running,
                exit_code=replica.exit_code,
                oom_killed=replica.oom_killed,
                restarts=replica.restarts,
                memory=tuple(self._memory[replica.name]),
                limit=self._limits.get(replica.name),
            )
            for replica in replicas
        ]

    def _end_doubt(self, percent: float, verdict: Verdict) -> None:
        canary = self.stack.project.settings.canary
        if canary.in_doubt is Doubt.ABORT:
            raise self._failed(percent, verdict, f"no verdict within {canary.deadline}: ")
        self.note(f"{percent:g}%: no verdict within {canary.deadline}: videa promote, or videa abort")
        self.pause()

    def _failed(self, percent: float, verdict: Verdict, prefix: str = "") -> ReleaseFailed:
        self._give(percent, verdict)
        return ReleaseFailed(
            f"the canary failed at {percent:g}%: {prefix}{verdict.reason}",
            verdict.numbers,
        )

    def _give(self, percent: float, verdict: Verdict) -> None:
        words = f"{percent:g}%: {verdict}"
        self.verdicts.append(words)
        self.note(words)


def sides(tries: Iterable[Try], replicas: Iterable[Replica], canary: Collection[str]) -> tuple[Side, Side]:
    """The tries at the canary and at the other replicas."""
    ours: dict[str, bool] = {
        address: replica.name in canary for replica in replicas for address in replica.networks.values() if address
    }
    seconds: dict[bool, list[float]] = {True: [], False: []}
    failed, unanswered = {True: 0, False: 0}, {True: 0, False: 0}
    for each in tries:
        side = ours.get(each.address.rpartition(":")[0])
        if side is None:
            continue
        failed[side] += each.status >= SERVER_ERROR or each.status == NO_ANSWER
        if each.seconds is None:
            unanswered[side] += 1
        else:
            seconds[side].append(each.seconds)
    canary_side, stable_side = (Side(failed[side], seconds[side], unanswered[side]) for side in (True, False))
    return canary_side, stable_side
