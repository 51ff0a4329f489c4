"""Rounds of the autoscaler on a stack in memory: it scales like `videa scale`, and never fights."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from ops import measuring, operations
from ops.autoscale import state
from ops.autoscale.bounds import CORES
from ops.autoscale.duty import REST, Autoscaler
from ops.autoscale.state import ServiceState
from ops.autoscale.view import explanation, overview
from ops.errors import EngineError
from ops.events import Event, StepStarted
from ops.models import Machine, Usage
from ops.notices import AutoscaleDecided, AutoscaleLimited, AutoscaleSkipped
from ops.platform.ports import Measured
from ops.project.settings import Autoscale, ScaleDown, Target
from ops.project.units import Rate, Seconds, Share
from ops.rollout import history
from ops.rollout.lock import Lock
from ops.traffic import Maintenance
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack
from tests.unit.ops.fakes.gateway import FakeGateway, NoTraffic
from tests.unit.ops.fakes.world import APP, MAIL, NAME, START

QUICK = Autoscale(min=1, max=6, target=Target(requests=Rate(100.0)), down=ScaleDown(stabilization=Seconds(60)))


@dataclass
class Shop:
    """A stack whose load and time a test sets. ``rate``: requests/s; None if the log cannot be read."""

    stack: FakeStack
    told: list[Event] = field(default_factory=list)
    rate: float | None = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    time: float = START
    duty: Autoscaler = field(init=False)

    def __post_init__(self) -> None:
        self.duty = Autoscaler(lambda: self.stack, clock=lambda: self.time)

    def log(self, lines: int) -> bytes:
        if self.rate is None:
            raise EngineError("the log cannot be read", "")
        count = int(self.rate * 5)
        times = [self.time - 5.25 + 5 * number / count for number in range(count)]
        entry = {"status": 200, "seconds": 0.01, "upstream": "10.0.0.1:80"}
        return b"".join(json.dumps({"time": time, **entry}).encode() + b"\n" for time in times[-lines:])

    def usage(self, containers: Iterable[Measured], gap: float) -> dict[str, Usage]:
        return {
            each.name: Usage(self.cpu[each.name], 1.0, 0, None, 0.0) for each in containers if each.name in self.cpu
        }

    def rounds(self, rate: float | None, count: int = 1) -> int:
        """Runs rounds, one each 5 s. Returns the number of replicas."""
        self.rate = rate
        for _ in range(count):
            self.time += 5
            self.stack.world.now = self.time
            self.duty.run(self.told.append)
        return len(self.stack.replicas())

    def skipped(self) -> list[str]:
        return [event.reason for event in self.told if isinstance(event, AutoscaleSkipped)]

    @property
    def written(self) -> ServiceState:
        return state.read(self.stack.store, NAME)[APP]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(measuring, "TrafficProof", NoTraffic)
    return opened(fake_stack(tmp_path), monkeypatch, QUICK)


def opened(stack: FakeStack, monkeypatch: pytest.MonkeyPatch, rules: Autoscale) -> Shop:
    settings = changed(stack.project.settings, autoscale=rules)
    project = dataclasses.replace(stack.project, settings=settings)
    made = Shop(dataclasses.replace(stack, project=project))
    made.stack.platform.machine = Machine(64, 2**36)
    monkeypatch.setattr(FakeGateway, "log_tail", lambda _, lines: made.log(lines))
    monkeypatch.setattr(type(stack.platform), "usage", lambda _, containers, gap: made.usage(containers, gap))
    return made


def test_more_load_gets_more_replicas_in_the_next_round_and_less_load_fewer_after_the_window(shop: Shop) -> None:
    assert shop.rounds(150.0) == 2
    assert shop.rounds(450.0) == 5
    assert shop.rounds(100.0, 11) == 5
    assert shop.rounds(100.0) == 1
    assert [(event.now, event.desired) for event in shop.told if isinstance(event, AutoscaleDecided)] == [
        (2, 5),
        (5, 1),
    ]
    assert len(shop.stack.gateway.served) == 1
    assert "APP_REPLICAS=1" in shop.stack.project.env_file.read_text()


def test_a_decision_is_in_the_history_and_in_the_state_with_its_reason(shop: Shop) -> None:
    shop.rounds(450.0)
    entry = history.read(shop.stack)[-1]
    assert entry.command.startswith("videa autoscale app=5 (requests 225/s of 100/s asks for 5")
    assert (entry.action, entry.result, entry.replicas, entry.automatic) == ("scale", "done", 5, True)
    made = shop.written.made[-1]
    assert (made.now, made.desired, made.result) == (2, 5, "done")
    assert (shop.written.now, shop.written.desired) == (5, 5)


def test_it_says_once_which_limit_of_the_machine_stops_it(shop: Shop) -> None:
    shop.stack.platform.machine = Machine(3, 2**36)
    assert shop.rounds(590.0) == 3
    assert shop.rounds(590.0, 3) == 3
    limited = [event for event in shop.told if isinstance(event, AutoscaleLimited)]
    assert [(event.now, event.asked) for event in limited] == [(3, 6)]
    assert "cores: the machine has 3 cores" in limited[0].reason
    assert shop.written.made[-1].result == CORES
    assert shop.written.limit == CORES


def test_without_samples_nothing_is_removed(shop: Shop) -> None:
    assert shop.rounds(None, 40) == 2
    assert shop.rounds(600.0) == 6
    assert shop.rounds(None, 40) == 6


def test_a_dry_run_only_writes_what_it_would_do(shop: Shop) -> None:
    shop.duty.dry_run = True
    assert shop.rounds(450.0, 3) == 2
    assert [made.result for made in shop.written.made] == ["dry run"]
    assert not any(isinstance(event, StepStarted) for event in shop.told)
    assert not history.read(shop.stack)


def test_off_wins_until_on(shop: Shop) -> None:
    assert state.switch(shop.stack.store, NAME, APP, True, "me@here")
    assert not state.switch(shop.stack.store, NAME, APP, True, "me@here")
    assert shop.rounds(450.0, 5) == 2
    assert shop.skipped() == ["it is off; to turn it on: videa autoscale on"]
    (view,) = overview(shop.stack)
    assert (view.state.off, view.state.who) == (True, "me@here")
    assert state.switch(shop.stack.store, NAME, APP, False, "me@here")
    assert shop.rounds(450.0) == 5


def test_off_wins_also_over_a_round_that_has_begun(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def turned_off_meanwhile(gateway: FakeGateway, lines: int) -> bytes:
        state.switch(shop.stack.store, NAME, APP, True, "me@here")
        return shop.log(lines)

    monkeypatch.setattr(FakeGateway, "log_tail", turned_off_meanwhile)
    assert shop.rounds(450.0) == 2
    assert not shop.told


def test_while_an_operation_holds_the_lock_it_does_nothing(shop: Shop) -> None:
    with Lock(shop.stack.store, NAME).hold("videa deploy"):
        assert shop.rounds(450.0, 3) == 2
    assert len(shop.skipped()) == 1
    assert "`videa deploy` of" in shop.skipped()[0]
    assert shop.rounds(450.0) == 5


def test_an_interrupted_operation_of_somebody_else_is_left_alone_and_its_own_is_replaced(shop: Shop) -> None:
    class Killed(BaseException):
        pass

    def kill(call: str) -> None:
        if call == "created":
            raise Killed

    def interrupted(command: str, automatic: bool = False) -> None:
        shop.stack.world.disturb = kill
        with pytest.raises(Killed):
            operations.Operation(shop.stack, shop.told.append, command, automatic).scale(lambda current: 3)
        shop.stack.world.disturb = lambda call: None

    interrupted("videa scale 3")
    assert shop.rounds(450.0, 2) != 5
    assert "`videa scale 3` of" in shop.skipped()[0]
    operations.Operation(shop.stack, shop.told.append, "videa deploy --abort").abort()
    interrupted("videa autoscale app=3", automatic=True)
    assert shop.rounds(450.0) == 5


def test_a_closed_site_says_nothing_about_the_load(shop: Shop) -> None:
    shop.rounds(450.0)
    shop.stack.gateway.maintenance = Maintenance()
    assert shop.rounds(0.0, 30) == 5
    assert shop.skipped() == ["the site is closed for maintenance"]


def test_after_a_failure_it_rests(shop: Shop) -> None:
    def fail(call: str) -> None:
        if call == "create":
            raise EngineError("Docker could not create it", "")

    shop.stack.world.disturb = fail
    assert shop.rounds(450.0, int(REST / 5)) == 2
    assert shop.skipped() == [f"Docker could not create it; next try in {REST:g} s"]
    shop.stack.world.disturb = lambda call: None
    assert shop.rounds(450.0) == 5


def test_a_restart_forgets_neither_the_window_nor_the_changes(shop: Shop) -> None:
    shop.rounds(450.0)
    shop.duty = Autoscaler(lambda: shop.stack, clock=lambda: shop.time)
    assert shop.rounds(100.0, 11) == 5
    assert shop.rounds(100.0, 3) == 1


def test_somebody_who_scales_meanwhile_is_not_overruled_in_the_same_round(shop: Shop) -> None:
    shop.duty = Autoscaler(lambda: meanwhile() or shop.stack, clock=lambda: shop.time)
    calls = 0

    def meanwhile() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:  # between the decision and the operation
            operations.Operation(shop.stack, shop.told.append, "videa scale 3").scale(lambda current: 3)

    assert shop.rounds(450.0) == 3


def test_the_usage_of_replicas_that_have_just_started_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shop = opened(fake_stack(tmp_path), monkeypatch, Autoscale(min=1, max=9, target=Target(cpu=Share(0.5))))
    first, second = sorted(shop.stack.platform.by_name)
    shop.cpu = {first: 0.9, second: 0.9}
    assert explanation(shop.stack)[0].decision.asked == 4
    by_name = shop.stack.platform.by_name
    by_name[second] = dataclasses.replace(by_name[second], started=by_name[second].created)
    assert explanation(shop.stack)[0].decision.asked == 2, "it will take half of the load"


def test_explain_measures_now_and_changes_nothing(shop: Shop) -> None:
    shop.rounds(450.0)
    documents = dict(shop.stack.store.documents)
    shop.rate = 900.0
    (explained,) = explanation(shop.stack)
    assert explained.decision.now == 5
    assert explained.rows[0].metric == "requests"
    assert shop.stack.store.documents == documents


def test_each_service_follows_its_own_load_in_the_same_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(measuring, "TrafficProof", NoTraffic)
    shop = opened(fake_shop(tmp_path), monkeypatch, QUICK)
    mail = shop.stack.project.managed[MAIL]
    rules = Autoscale(min=1, max=9, target=Target(cpu=Share(0.5)))
    busy = dataclasses.replace(mail, settings=changed(mail.settings, autoscale=rules))
    app = dataclasses.replace(shop.stack.project.managed[APP], settings=shop.stack.project.settings)
    project = dataclasses.replace(shop.stack.project, managed={APP: app, MAIL: busy})
    worker = dataclasses.replace(shop.stack.of(MAIL), project=project.of(MAIL))
    both = dataclasses.replace(shop.stack, project=project, open=lambda _: worker)
    object.__setattr__(worker, "open", lambda _: both)
    shop.stack = both
    worker.platform.machine = Machine(64, 2**36)
    shop.cpu = {replica.name: 1.0 for replica in worker.replicas()}
    shop.rounds(390.0)
    assert (len(both.replicas()), len(worker.replicas())) == (4, 4)
