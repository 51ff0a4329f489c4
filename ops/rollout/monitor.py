"""The steps that wait: a canary under judgement, a pause, an old set kept warm. Other terminals may end them."""

from __future__ import annotations

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
from ops.rollout.judgement import STABLE_ENOUGH, Fact, Sample, Verdict, judge
from ops.rollout.lease import Lease
from ops.rollout.own_metrics import Complaints, Figures, ask, new_faults
from ops.stack import Stack
from ops.steps import Pause, Wait

LOOK = 1.0
"""Seconds between two looks at the canary and at what other terminals ask for."""

PAUSE_LOOK = 0.03
"""Seconds between two looks while nothing else is to be seen: going back to a kept set is to be quick."""

ERRORS = 3
"""Looks in a row that may fail to see the canary's requests or containers before that ends the deploy."""

MEMORY_SAMPLES = 300
"""How many samples of a replica's memory are kept, one a look."""


@dataclass
class Monitor:
    """Watches over one operation's waits. ``verdicts``: all that were given; ``promotion``: ends the next wait."""

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
    _compared: bool = False
    _confirm_at: float = 0.0

    def poll_commands(self) -> None:
        """Looks for what another terminal has asked for; a promotion is remembered until the next wait.

        Raises Aborted when it is to abort, LockHeld when somebody else may carry out the operation by now.
        """
        self.lease.check_operation()
        command = None
        with suppress(EngineError):  # one look that fails is made up for by the next
            command = self.journal.commands.take()
        if command and command.verb == ABORT:
            raise Aborted(f"aborted by {command.who}", "deploy again when it is mended")
        self.promotion = command or self.promotion

    def _take_promotion(self) -> Command | None:
        """The promotion that this wait is to end with, which then counts for no other. Raises as ``poll_commands``."""
        self.poll_commands()
        if time.monotonic() >= self._confirm_at:
            self._confirm_at = time.monotonic() + LOOK
            with suppress(EngineError):
                self.journal.confirm()
        command, self.promotion = self.promotion, None
        return command

    def pause(self, seconds: float | None = None) -> None:
        """Waits for a promotion, at most ``seconds``. Raises Aborted, LockHeld."""
        until = time.monotonic() + seconds if seconds is not None else float("inf")
        while True:
            command = self._take_promotion()
            if command:
                self.note(Promoted(command.who))
                return
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(PAUSE_LOOK, left))

    def judge(self, percent: float, canary: Collection[str], seconds: float) -> None:
        """Returns once the canary has passed at ``percent`` of the traffic, or was promoted meanwhile.

        ``seconds``: without a verdict until then, x-videa says what becomes of it. Raises ReleaseFailed with the
        verdict's reason, Aborted, LockHeld.
        """
        bounds = self.stack.project.settings.canary
        warmup = Warmup(bounds.warmup, limit=bounds.max_p99)
        log = TryLog(self.stack.gateway, Tallies(warmup, self._warming))
        log.start()
        begun = window = time.monotonic()
        deadline = begun + seconds
        errors, told = 0, False
        try:
            while True:
                command = self._take_promotion()
                if command:
                    self.note(Promoted(command.who, percent))
                    return
                time.sleep(LOOK)
                now = time.monotonic()
                early = now - window < bounds.interval
                verdict = self._look(log, canary, early)
                errors = errors + 1 if verdict.kind is Kind.ERROR else 0
                if verdict.kind is Kind.FAIL or errors > ERRORS:
                    raise self._failed(percent, verdict)
                if verdict.kind is Kind.PASS and not early:
                    self._give(percent, verdict)
                    return
                if verdict.kind is Kind.ERROR:  # what was counted has a gap; the deadline stays
                    log.restart()
                    window = time.monotonic()
                elif not early and not told:
                    self._give(percent, verdict)
                    told = True
                if now > deadline:
                    self._end_inconclusive(percent, verdict)
                    return
        finally:
            log.stop()

    def note(self, remark: Remark) -> None:
        """Says something here and to whoever watches elsewhere."""
        self.emit(remark)
        self.journal.write(remark)

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
        bounds = self.stack.project.settings.canary
        sample, stable = samples(log.tallies, replicas, canary, told)
        verdict = judge(sample, stable, facts, bounds, early, faults, self._compared)
        self._compared |= verdict.kind is Kind.PASS and not early and stable.requests >= STABLE_ENOUGH
        return verdict

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
        for name, (used, limit) in self.stack.platform.memory(each.name for each in replicas if each.running).items():
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

    def _end_inconclusive(self, percent: float, verdict: Verdict) -> None:
        canary = self.stack.project.settings.canary
        if canary.on_inconclusive is OnInconclusive.ABORT:
            raise self._failed(percent, verdict, f"no verdict within {canary.deadline}: ")
        self.note(NoVerdict(percent, float(canary.deadline)))
        last = self.journal.state().last
        if last is not None:  # whoever takes it up does not judge it again
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
    tallies: Tallies, replicas: Iterable[Replica], canary: Collection[str], told: Mapping[str, Figures]
) -> tuple[Sample, Sample]:
    """What was asked of the canary and of the other replicas. ``told``: what the canary's replicas say themselves.

    Only the canary is given the time to warm up: stable has been serving.
    """
    addresses: dict[bool, list[str]] = {True: [], False: []}
    waiting: list[float] = []
    for replica in replicas:
        own = [address for address in replica.networks.values() if address]
        addresses[replica.name in canary] += own
        unanswered = told.get(replica.name, Figures()).unanswered_seconds
        # nginx reaches it at one of its addresses: the others have no request, and never warm up.
        counted = [tallies.waits(address, unanswered) for address in own]
        waiting += next((each for each in counted if each), [])
    ours, stable = tallies.of(addresses[True]), tallies.of(addresses[False])
    stable.warm.merge(stable.cold)
    return (
        Sample(ours.failed, ours.warm, ours.unanswered, waiting, ours.cold.count, ours.routes),
        Sample(stable.failed, stable.warm, stable.unanswered, routes=stable.routes),
    )
