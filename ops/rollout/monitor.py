"""Runs the steps that wait: judging a canary, pausing, keeping an old set. Commands from other terminals end them."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from ops.balancer.tries import Tallies, TryLog, Warming, Warmup
from ops.errors import Aborted, EngineError, ReleaseFailed
from ops.events import Emit, Kind, NoVerdict, Promoted, Remark, VerdictGiven
from ops.models import Replica
from ops.project.settings import OnInconclusive
from ops.rollout.command_queue import ABORT, Command
from ops.rollout.journal import Journal
from ops.rollout.judgement import STABLE_ENOUGH, Fact, Sample, Verdict, ended, judge
from ops.rollout.lease import Lease
from ops.rollout.own_metrics import Complaints, Figures, fetch, new_faults
from ops.stack import Stack
from ops.steps import Pause, Wait

CHECK_INTERVAL = 1.0
"""Seconds between two checks of the canary and of the command queue."""

PAUSE_INTERVAL, LONGEST_PAUSE_INTERVAL, PAUSE_GROWTH = 0.03, 0.25, 0.01
"""Seconds between two checks of the command queue in a pause: rollback to a kept set must be fast.

The interval grows with the time already waited, in this proportion, because each check costs the engine a millisecond,
for hours.
"""

MAX_ERRORS = 3
"""Checks in a row that may fail to read the canary's requests or containers; the next failure ends the deploy."""

MEMORY_SAMPLES = 300
"""Number of stored samples of a replica's memory, one per check."""


@dataclass
class Monitor:
    """Handles the waits of one operation. ``verdicts``: all so far; ``promotion``: a stored one ends the next wait."""

    stack: Stack
    journal: Journal
    lease: Lease
    emit: Emit
    verdicts: list[VerdictGiven] = field(default_factory=list)
    promotion: Command | None = None
    _memory: dict[str, deque[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=MEMORY_SAMPLES))
    )
    _limits: dict[str, int | None] = field(default_factory=dict)
    _complaints: Complaints = field(default_factory=Complaints)
    _warming: dict[str, Warming] = field(default_factory=dict)
    _restarts: dict[str, int] = field(default_factory=dict)
    """The value at the first check: a replica may have been restarted before it was ready."""
    _compared: bool = False
    _confirm_at: float = 0.0

    def poll_commands(self) -> None:
        """Takes a command from the queue. A promotion is stored until the next wait.

        Raises Aborted if the command is an abort, LockHeld if another process may be carrying out the operation.
        """
        self.lease.check_operation()
        command = None
        with suppress(EngineError):  # the next poll replaces a failed one
            command = self.journal.commands.take()
        if command and command.verb == ABORT:
            raise Aborted(f"aborted by {command.who}", "deploy again when it is fixed")
        self.promotion = command or self.promotion

    def _take_promotion(self) -> Command | None:
        """The promotion that ends this wait; it is used once. Raises what ``poll_commands`` raises."""
        self.poll_commands()
        if time.monotonic() >= self._confirm_at:
            self._confirm_at = time.monotonic() + CHECK_INTERVAL
            with suppress(EngineError):
                self.journal.confirm()
        command, self.promotion = self.promotion, None
        return command

    def pause(self, seconds: float | None = None) -> None:
        """Waits for a promotion, at most ``seconds``. Raises Aborted, LockHeld."""
        began = time.monotonic()
        until = began + seconds if seconds is not None else float("inf")
        while True:
            command = self._take_promotion()
            if command:
                self.note(Promoted(command.who))
                return
            now = time.monotonic()
            if now >= until:
                return
            interval = min(max(PAUSE_INTERVAL, (now - began) * PAUSE_GROWTH), LONGEST_PAUSE_INTERVAL)
            time.sleep(min(interval, until - now))

    def judge(self, percent: float, canary: Collection[str], seconds: float) -> None:
        """Returns when the canary has passed at ``percent`` of the traffic or is promoted.

        ``seconds``: time limit for a verdict; after it, x-videa.canary.in_doubt applies. Raises ReleaseFailed with the
        reason of the verdict, Aborted, LockHeld.
        """
        bounds = self.stack.project.settings.canary
        warmup = Warmup(bounds.warmup, limit=bounds.max_p99)
        log = TryLog(self.stack.gateway, Tallies(warmup, self._warming))
        log.start()
        begun = window = time.monotonic()
        deadline = begun + seconds
        errors, reported = 0, False
        try:
            while True:
                command = self._take_promotion()
                if command:
                    self.note(Promoted(command.who, percent))
                    return
                time.sleep(CHECK_INTERVAL)
                now = time.monotonic()
                early = now - window < bounds.interval
                verdict = self._check(log, canary, early)
                errors = errors + 1 if verdict.kind is Kind.ERROR else 0
                if verdict.kind is Kind.FAIL or errors > MAX_ERRORS:
                    raise self._failed(percent, verdict)
                if verdict.kind is Kind.PASS and not early:
                    self._give(percent, verdict)
                    return
                if verdict.kind is Kind.ERROR:  # the counts have a gap; the deadline stays
                    log.restart()
                    window = time.monotonic()
                elif not early and not reported:
                    self._give(percent, verdict)
                    reported = True
                if now > deadline:
                    self._end_inconclusive(percent, verdict)
                    return
        finally:
            log.stop()

    def note(self, remark: Remark) -> None:
        """Emits a remark, and writes it to the journal so that other terminals can show it."""
        self.emit(remark)
        self.journal.write(remark)

    def _check(self, log: TryLog, canary: Collection[str], early: bool) -> Verdict:
        try:
            replicas = self.stack.replicas()
            new = [replica for replica in replicas if replica.name in canary]
            facts = self._facts(new)
            figures = fetch(self.stack, [replica.name for replica in new if replica.running])
            faults = self._faults(self._complaints.lasting(figures), replicas, canary)
        except EngineError as error:
            return Verdict(Kind.ERROR, f"the canary's containers cannot be read: {error.message}", "no figures")
        if log.breaks:
            return Verdict(Kind.ERROR, "nginx's log has a gap, so its requests do not count", "no figures")
        missing = set(canary) - {replica.name for replica in replicas}
        facts += [Fact(name, running=False) for name in sorted(missing)]
        bounds = self.stack.project.settings.canary
        sample, stable = samples(log.tallies, replicas, canary, figures)
        verdict = judge(sample, stable, facts, bounds, early, faults, self._compared)
        if verdict.kind is Kind.FAIL and (reason := self._ended(canary)):
            verdict = dataclasses.replace(verdict, reason=reason)
        self._compared |= verdict.kind is Kind.PASS and not early and stable.requests >= STABLE_ENOUGH
        return dataclasses.replace(verdict, canary=sample.latencies.histogram(), stable=stable.latencies.histogram())

    def _ended(self, canary: Collection[str]) -> str:
        """Why a replica of the canary has ended, even after the check began: its failed requests have this cause."""
        try:
            facts = self._facts(self.stack.replicas(canary.__contains__))
        except EngineError:
            return ""
        return next(filter(None, map(ended, facts)), "")

    def _faults(
        self, lasting: Sequence[tuple[str, str]], replicas: Iterable[Replica], canary: Collection[str]
    ) -> list[str]:
        """The complaints of the canary that stable does not have. Stable is queried only if there are any."""
        if not lasting:
            return []
        others = [replica.name for replica in replicas if replica.running and replica.name not in canary]
        return new_faults(lasting, fetch(self.stack, others))

    def _facts(self, replicas: Iterable[Replica]) -> list[Fact]:
        replicas = list(replicas)
        now = time.monotonic()
        for name, (used, limit) in self.stack.platform.memory(
            replica.name for replica in replicas if replica.running
        ).items():
            self._memory[name].append((now, used))
            self._limits[name] = limit
        return [
            Fact(
                name=replica.name,
                running=replica.running,
                exit_code=replica.exit_code,
                oom_killed=replica.oom_killed,
                restarts=replica.restarts - self._restarts.setdefault(replica.name, replica.restarts),
                memory=tuple(self._memory[replica.name]),
                limit=self._limits.get(replica.name),
            )
            for replica in replicas
        ]

    def _end_inconclusive(self, percent: float, verdict: Verdict) -> None:
        canary = self.stack.project.settings.canary
        if canary.on_inconclusive is OnInconclusive.ABORT:
            raise self._failed(percent, verdict, f"no verdict within {canary.deadline}: ")
        self.note(NoVerdict(percent, float(canary.deadline)))
        last = self.journal.state().last
        if last is not None:  # so that a resumed deploy does not judge it again
            self.journal.write(replace(last, step=Pause(percent), time=time.time(), wait=Wait(self.lease.now)))
        self.pause()

    def _failed(self, percent: float, verdict: Verdict, prefix: str = "") -> ReleaseFailed:
        self._give(percent, verdict)
        return ReleaseFailed(
            f"the canary failed at {percent:g}%: {prefix}{verdict.reason}",
            verdict.numbers,
        )

    def _give(self, percent: float, verdict: Verdict) -> None:
        given = verdict.given(percent)
        self.verdicts.append(given)
        self.note(given)


def samples(
    tallies: Tallies, replicas: Iterable[Replica], canary: Collection[str], figures: Mapping[str, Figures]
) -> tuple[Sample, Sample]:
    """The requests of the canary and of the other replicas. ``figures``: the canary's own metrics.

    Only the canary has a warm-up: stable has been serving before.
    """
    addresses: dict[bool, list[str]] = {True: [], False: []}
    waiting: list[float] = []
    for replica in replicas:
        own_addresses = [address for address in replica.networks.values() if address]
        addresses[replica.name in canary] += own_addresses
        unanswered = figures.get(replica.name, Figures()).unanswered_seconds
        # nginx uses only one of a replica's addresses; the others get no requests and never warm up.
        waits = [tallies.waits(address, unanswered) for address in own_addresses]
        waiting += next((seconds for seconds in waits if seconds), [])
    new, stable = tallies.of(addresses[True]), tallies.of(addresses[False])
    stable.warm.merge(stable.cold)
    return (
        Sample(new.failed, new.warm, new.unanswered, waiting, new.cold.count, new.routes),
        Sample(stable.failed, stable.warm, stable.unanswered, routes=stable.routes),
    )
