"""Waits: what ends them, that an early command counts, and that a step always ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from ops.balancer.tries import Tallies, Try, TryLog, Warmup
from ops.errors import Aborted, EngineError, ReleaseFailed
from ops.events import Kind, VerdictGiven
from ops.platform.ports import any_name
from ops.project.settings import Canary, OnInconclusive
from ops.project.units import Seconds
from ops.rollout import monitor as monitor_module
from ops.rollout.command_queue import Command
from ops.rollout.entries import StepEntry
from ops.rollout.judgement import Verdict
from ops.rollout.monitor import Monitor, samples
from ops.rollout.own_metrics import Figures
from ops.steps import Judge, Pause, Wait
from tests.unit.ops.fakes.clock import FakeClock
from tests.unit.ops.rollout.model import NEW, member

PROMOTE, ABORT = Command("promote", "me"), Command("abort", "me")
PASS, ERROR = Verdict(Kind.PASS, "as good as stable", "-"), Verdict(Kind.ERROR, "no log", "-")
UNSURE, FAIL = Verdict(Kind.INCONCLUSIVE, "too few", "-"), Verdict(Kind.FAIL, "bad", "-")


@dataclass
class Clock(FakeClock):
    """With commands that arrive at given seconds."""

    longest: float = 100_000.0
    commands: dict[float, Command] = field(default_factory=dict)
    unreachable: bool = False

    def take(self) -> Command | None:
        if self.unreachable:
            raise EngineError("gone", "")
        due = [second for second in self.commands if second <= self.now]
        return self.commands.pop(due[0]) if due else None


class Scripted(Monitor):
    """A monitor with given verdicts."""

    script: Iterator[Verdict]
    early: list[bool]

    def _check(self, log: TryLog, canary: Collection[str], early: bool) -> Verdict:
        self.early.append(early)
        return next(self.script)


class NoLog:
    """A log without lines."""

    def __init__(self, *_: object) -> None:
        self.start = self.stop = self.restart = lambda: None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(monitor_module, "time", clock)
    monkeypatch.setattr(monitor_module, "TryLog", NoLog)
    return clock


def make(clock: Clock, verdicts: Iterable[Verdict] = (), bounds: Canary | None = None) -> Scripted:
    settings = SimpleNamespace(canary=bounds or Canary(interval=Seconds(5), deadline=Seconds(60)))
    stack: Any = SimpleNamespace(project=SimpleNamespace(settings=settings), gateway=None)
    written: list[object] = [StepEntry(3, 9, Judge(5.0), 1.0, Wait(1.0, 61.0))]
    journal: Any = SimpleNamespace(
        commands=SimpleNamespace(take=clock.take),
        write=written.append,
        confirm=lambda: None,
        written=written,
        state=lambda: SimpleNamespace(last=written[0]),
    )
    lease: Any = SimpleNamespace(check_operation=lambda: None, now=7.0)
    monitor = Scripted(stack, journal, lease, lambda _: None)
    monitor.script, monitor.early = iter(verdicts), []
    return monitor


def test_a_promotion_before_the_pause_ends_it(clock: Clock) -> None:
    monitor = make(clock)
    clock.commands[0] = PROMOTE
    monitor.poll_commands()
    monitor.poll_commands()
    monitor.pause()
    assert clock.now == 0


def test_a_promotion_ends_one_wait_only(clock: Clock) -> None:
    monitor = make(clock)
    clock.commands[0] = PROMOTE
    monitor.poll_commands()
    monitor.pause(30)
    monitor.pause(30)
    assert clock.now == pytest.approx(30)


def test_a_promotion_ends_the_judging_without_a_verdict(clock: Clock) -> None:
    clock.commands[3] = PROMOTE
    monitor = make(clock, repeat(UNSURE))
    monitor.judge(5, ["app-3"], 60)
    assert clock.now == 3
    assert not monitor.verdicts


def test_an_abort_ends_every_wait_and_overrides_an_early_promotion(clock: Clock) -> None:
    monitor = make(clock, repeat(PASS))
    clock.commands.update({0: PROMOTE, 0.01: ABORT})
    monitor.poll_commands()
    clock.now = 1
    with pytest.raises(Aborted):
        monitor.pause()
    clock.commands[2] = ABORT
    with pytest.raises(Aborted):
        make(clock, repeat(UNSURE)).judge(5, [], 60)


def test_no_command_is_lost_if_the_engine_does_not_answer_for_a_moment(clock: Clock) -> None:
    clock.commands[0] = PROMOTE
    clock.unreachable = True
    monitor = make(clock)
    monitor.poll_commands()
    clock.unreachable = False
    monitor.pause()


def test_a_pass_counts_after_the_interval(clock: Clock) -> None:
    monitor = make(clock, repeat(PASS))
    monitor.judge(5, [], 60)
    assert clock.now == 5
    assert monitor.early == [True] * 4 + [False]
    assert monitor.verdicts == [VerdictGiven(5, Kind.PASS, "as good as stable", "-")]


def test_an_error_restarts_the_window_but_not_the_step(clock: Clock) -> None:
    make(clock, chain([UNSURE, ERROR], repeat(PASS))).judge(5, [], 60)
    assert clock.now == 7


@pytest.mark.parametrize("flaps", [[ERROR, PASS], [ERROR, ERROR, UNSURE], [ERROR, ERROR, ERROR, PASS]])
def test_with_an_unstable_engine_the_step_ends_at_its_deadline(clock: Clock, flaps: list[Verdict]) -> None:
    monitor = make(clock, chain.from_iterable(repeat(flaps)))
    with pytest.raises(ReleaseFailed, match="no verdict within 60s"):
        monitor.judge(5, [], 60)
    assert 60 < clock.now <= 62


def test_lasting_errors_end_it_before_the_deadline(clock: Clock) -> None:
    with pytest.raises(ReleaseFailed, match="no log"):
        make(clock, repeat(ERROR)).judge(5, [], 60)
    assert clock.now == 4


def test_an_inconclusive_canary_pauses_if_configured(clock: Clock) -> None:
    bounds = Canary(interval=Seconds(5), deadline=Seconds(60), on_inconclusive=OnInconclusive.PAUSE)
    clock.commands[300] = PROMOTE
    monitor = make(clock, repeat(UNSURE), bounds)
    monitor.judge(5, [], 60)
    assert clock.now == pytest.approx(300, abs=0.3)
    assert [entry.step for entry in monitor.journal.written if isinstance(entry, StepEntry)] == [Judge(5.0), Pause(5.0)]


def test_a_fail_ends_the_step_at_once(clock: Clock) -> None:
    with pytest.raises(ReleaseFailed, match="the canary failed at 5%: bad"):
        make(clock, [UNSURE, FAIL]).judge(5, [], 60)
    assert clock.now == 2


STABLE = replace(member(1).replica, networks={"app": "10.0.0.1"})
FRESH = replace(member(3, NEW).replica, networks={"app": "10.0.0.3", "data": ""})


def test_each_sample_has_its_own_requests_and_only_the_canary_may_be_cold() -> None:
    tallies = Tallies(Warmup())
    for number in range(50):
        for address in ("10.0.0.1:3001", "10.0.0.3:3001", "10.9.9.9:3001"):
            tallies.add(Try(address, 200, 2.0 if number < 20 else 0.02, float(number)))
    canary, stable = samples(tallies, [STABLE, FRESH], {"app-3"}, {})
    assert (canary.requests, canary.cold, canary.p99) == (50, 20, 0.02)
    assert (stable.requests, stable.cold) == (50, 0)
    assert stable.p99 > 1.9


def test_waiting_requests_of_a_cold_replica_are_not_slow_yet() -> None:
    tallies = Tallies(Warmup())
    waiting = Figures(unanswered_seconds=[3.0] * 20)
    assert not samples(tallies, [STABLE, FRESH], {"app-3"}, {"app-3": waiting})[0].waiting
    hanging = Figures(unanswered_seconds=[3.0] * 150)
    assert len(samples(tallies, [STABLE, FRESH], {"app-3"}, {"app-3": hanging})[0].waiting) == 150
    for number in range(10):
        tallies.add(Try("10.0.0.3:3001", 200, 0.02, float(number)))
    tallies.add(Try("10.0.0.1:3001", 200, 0.02, 100.0))
    assert len(samples(tallies, [STABLE, FRESH], {"app-3"}, {"app-3": waiting})[0].waiting) == 20


def test_of_a_canary_that_has_exited_during_a_check_the_exit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its containers are read before its requests."""
    monkeypatch.setattr(monitor_module, "fetch", lambda *_: {})
    looks = iter([[STABLE, FRESH], [STABLE, replace(FRESH, state="exited", exit_code=7)]])
    stack: Any = SimpleNamespace(
        replicas=lambda chosen=any_name: [replica for replica in next(looks) if chosen(replica.name)],
        platform=SimpleNamespace(memory=lambda names: dict.fromkeys(names, (1, None))),
        project=SimpleNamespace(settings=SimpleNamespace(canary=Canary(min_requests=10))),
    )
    tallies = Tallies(Warmup())
    for number in range(20):
        tallies.add(Try("10.0.0.3:3001", 502 if number > 9 else 200, 0.02, float(number)))
    log: Any = SimpleNamespace(breaks=0, tallies=tallies)
    verdict = Monitor(stack, *([None] * 3))._check(log, {"app-3"}, early=False)  # type: ignore[list-item]
    assert verdict.kind is Kind.FAIL
    assert verdict.reason == "app-3 exited with exit code 7"


def test_requests_beside_a_gap_in_the_log_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that are missing may be those of the failures."""
    monkeypatch.setattr(monitor_module, "fetch", lambda *_: {})
    stack: Any = SimpleNamespace(
        replicas=lambda chosen=any_name: [STABLE, FRESH],
        platform=SimpleNamespace(memory=lambda names: dict.fromkeys(names, (1, None))),
        project=SimpleNamespace(settings=SimpleNamespace(canary=Canary(min_requests=10))),
    )
    tallies = Tallies(Warmup())
    for number in range(200):
        tallies.add(Try(f"10.0.0.{1 + 2 * (number % 2)}:3001", 200, 0.02, float(number)))
    monitor = Monitor(stack, *([None] * 3))  # type: ignore[list-item]
    logs: list[Any] = [SimpleNamespace(breaks=gaps, tallies=tallies) for gaps in (0, 1)]
    verdicts = [monitor._check(log, {"app-3"}, early=False) for log in logs]
    assert [verdict.kind for verdict in verdicts] == [Kind.PASS, Kind.ERROR]


def test_only_restarts_since_the_first_check_count() -> None:
    """Before that, the replica may have waited for its database."""
    monitor = Monitor(SimpleNamespace(platform=SimpleNamespace(memory=lambda _: {})), *([None] * 3))  # type: ignore[arg-type,list-item]
    replica = replace(member(1, NEW).replica, restarts=2)
    assert [fact.restarts for fact in monitor._facts([replica])] == [0]
    assert [fact.restarts for fact in monitor._facts([replace(replica, restarts=3)])] == [1]
