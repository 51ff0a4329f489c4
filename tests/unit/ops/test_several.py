"""One operation on several services, disturbed at every call: all services have changed, or none."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Container
from pathlib import Path

import pytest

from ops import planning
from ops.errors import Interrupted, UsageError, VideaError
from ops.events import Event, Promoted, discard
from ops.operations import Operation
from ops.outcome import Outcome
from ops.preflight import Capacity
from ops.rollout import history
from ops.rollout.command_queue import PROMOTE, CommandQueue
from ops.rollout.lock import Lock
from ops.rollout.request import Request, Strategy
from ops.steps import Target
from tests.unit.ops.disturbances import NEW, Disturbance, Killed, die, left_over, lost_answer, quiet, recorded
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack
from tests.unit.ops.fakes.platform import FakePlatform
from tests.unit.ops.fakes.world import APP, MAIL

NEW_MAIL = Target("new", "app:new", {"MAIL_IMAGE": "app:new", "MAIL_RELEASE": "new"})
STRIDE = 7
"""Not every call, to save time: the runner's own tests disturb every call of one service."""

State = tuple[list[str], list[str], bool, str]


def state(shop: FakeStack) -> State:
    """The images of both services, whether nginx serves exactly the replicas of the first, and what is remembered."""
    app, mail = ({c.name: c.image for c in shop.of(name).replicas()} for name in (APP, MAIL))
    served = set(shop.gateway.membership().servers) == set(app)
    return sorted(app.values()), sorted(mail.values()), served, shop.project.env_file.read_text()


def deploy(shop: FakeStack, request: Request | None = None) -> Outcome:
    request = request or Request(Strategy.ROLLING)
    return Operation(shop, discard, "videa deploy").deploy_all({APP: (NEW, request), MAIL: (NEW_MAIL, request)})


def disturbed(
    directory: Path, act: Callable[[], None], places: Container[int]
) -> tuple[FakeStack, Disturbance, State, BaseException | None]:
    """A deploy. Returns the stack, the disturbance, the state before, and the exception."""
    directory.mkdir()
    shop, disturbance = fake_shop(directory), Disturbance(act, places)
    before, raised = state(shop), None
    shop.world.disturb = disturbance
    try:
        deploy(shop)
    except BaseException as error:
        raised = error
    shop.world.disturb = disturbance.afterwards()
    return shop, disturbance, before, raised


@pytest.fixture
def done(tmp_path: Path) -> tuple[State, int]:
    """The state after an undisturbed deploy, and its number of calls."""
    shop, disturbance, _, raised = disturbed(tmp_path / "undisturbed", lambda: None, ())
    assert raised is None
    assert left_over(shop) == []
    assert [(entry.service, entry.result) for entry in history.read(shop) if entry.deployed][-2:] == [
        (APP, history.DONE),
        (MAIL, history.DONE),
    ]
    return state(shop), len(disturbance.calls)


def test_services_are_deployed_one_after_the_other(done: tuple[State, int]) -> None:
    app, mail, served, remembered = done[0]
    assert (app, mail, served) == (["app:new"] * 2, ["app:new"] * 2, True)
    assert {"APP_IMAGE=app:new", "MAIL_IMAGE=app:new", "MAIL_RELEASE=new"} <= set(remembered.splitlines())


def test_one_lost_call_at_most_rolls_all_services_back(tmp_path: Path, done: tuple[State, int]) -> None:
    endings = set()
    for place in range(1, done[1] + 1, STRIDE // 2):
        shop, disturbance, before, raised = disturbed(tmp_path / str(place), lost_answer, (place,))
        where = disturbance.at(place)
        endings.add(raised is None)
        if raised is not None:
            assert isinstance(raised, VideaError), (where, raised)
            assert raised.aftermath is None or raised.aftermath.as_before, (where, raised.message)
        assert state(shop) == (before if raised else done[0]), where
        assert Operation(shop, discard, "").journal.read() is None, where
        assert Lock(shop.store, shop.project.name).active_holder() is None, where
    assert endings == {True, False}


def test_after_an_interrupt_at_any_call_all_services_are_as_before_or_done(
    tmp_path: Path, done: tuple[State, int]
) -> None:
    endings = set()
    for place in range(1, done[1] + 1, STRIDE):
        shop, disturbance, before, raised = disturbed(
            tmp_path / str(place), lambda: os.kill(os.getpid(), signal.SIGINT), (place,)
        )
        where = disturbance.at(place)
        endings.add(type(raised))
        assert raised is None or isinstance(raised, KeyboardInterrupt | Interrupted), (where, raised)
        assert state(shop) == (before if raised else done[0]), where
        assert left_over(shop) == [], where
    assert endings == {type(None), Interrupted, KeyboardInterrupt}


def test_a_promotion_while_one_service_changes_ends_the_wait_of_the_next_one(tmp_path: Path) -> None:
    shop, events = fake_shop(tmp_path), list[Event]()

    def promote_at_first_stop(call: str) -> None:
        if call == "stop":
            shop.world.disturb = lambda call: None
            CommandQueue(shop.store, shop.project.name).send(PROMOTE)

    shop.world.disturb = promote_at_first_stop
    kept = Request(Strategy.BLUE_GREEN, keep=3.0)
    services = {MAIL: (NEW_MAIL, Request(Strategy.ROLLING)), APP: (NEW, kept)}
    Operation(shop, events.append, "videa deploy").deploy_all(services)
    assert any(isinstance(event, Promoted) for event in events)


def continue_with(shop: FakeStack, then: str) -> None:
    operation = Operation(shop, discard, f"videa {then}")
    {"resume": operation.resume, "abort": operation.abort, "same command": lambda: deploy(shop)}[then]()


@pytest.mark.parametrize("then", ["resume", "abort", "same command"])
def test_after_a_kill_at_any_call_another_process_completes_it_or_rolls_it_back(
    tmp_path: Path, done: tuple[State, int], then: str
) -> None:
    reached = set()
    for place in range(1, done[1] + 1, STRIDE):
        every_later = range(place, 10_000)
        shop, disturbance, before, raised = disturbed(tmp_path / str(place), die, every_later)
        where = disturbance.at(place)
        assert isinstance(raised, Killed | VideaError), where
        shop.world.now += 3600  # its lease has run out
        unfinished = Operation(shop, discard, "").journal.read()
        if unfinished is None:
            continue
        reached.add(unfinished.header.service)
        continue_with(shop, then)
        assert state(shop) == (before if then == "abort" else done[0]), where
        assert left_over(shop) == [], where
    assert reached == {APP, MAIL}


def test_services_are_scaled_together(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path)
    Operation(shop, discard, "videa scale app=3 mail=1").scale_all(
        {APP: lambda _: 3, MAIL: lambda present: present - 1}
    )
    app, mail, served, remembered = state(shop)
    assert (len(app), len(mail), served) == (3, 1, True)
    assert {"APP_REPLICAS=3", "MAIL_REPLICAS=1"} <= set(remembered.splitlines())
    assert recorded(shop) == [history.DONE, history.DONE]


def test_replicas_of_all_services_stop_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, together, stop = fake_shop(tmp_path), threading.Barrier(2), FakePlatform.stop

    def slowly(platform: FakePlatform, container: str, at_most: int | None = None) -> str:
        together.wait(10)
        return stop(platform, container)

    monkeypatch.setattr(FakePlatform, "stop", slowly)
    Operation(shop, discard, "videa scale app=1 mail=1").scale_all({APP: lambda _: 1, MAIL: lambda _: 1})
    app, mail, served, _ = state(shop)
    assert (len(app), len(mail), served) == (1, 1, True)


def test_a_deploy_goes_on_while_many_replicas_ignore_their_stop_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If there is room for them: the last of six old ones is told before the first has ended."""
    shop, told, stop = fake_stack(tmp_path, replicas=6), threading.Barrier(6), FakePlatform.stop

    def at_last(platform: FakePlatform, container: str, at_most: int | None = None) -> str:
        told.wait(10)
        return stop(platform, container)

    monkeypatch.setattr(FakePlatform, "stop", at_last)
    monkeypatch.setattr(planning, "measure", lambda *_: Capacity(None, 0, 0, 0, None, free=1 << 40, usage=1 << 20))
    Operation(shop, discard, "videa deploy").deploy(NEW, Request(Strategy.ROLLING))
    assert [replica.image for replica in shop.replicas()] == ["app:new"] * 6


def test_a_service_without_a_replica_is_scaled_up_as_compose_would_start_it(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path)
    operation = Operation(shop, discard, "videa scale mail=2")
    operation.scale_all({MAIL: lambda _: 0}, force=True)
    operation.scale_all({MAIL: lambda _: 2})
    assert [replica.image for replica in shop.of(MAIL).replicas()] == ["app:old"] * 2
    assert recorded(shop) == [history.DONE, history.DONE]


def test_a_service_that_is_not_managed_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not scale 'db'"):
        Operation(fake_shop(tmp_path), discard, "videa scale db=2").scale_all({"db": lambda _: 2})


def test_a_worker_that_runs_the_release_already_is_not_deployed(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path)
    [replica, _] = shop.of(MAIL).replicas()
    outcome = Operation(shop, discard, "videa deploy mail").deploy_all(
        {MAIL: (Target(replica.release, replica.image), Request())}
    )
    assert (outcome.plan.steps, recorded(shop)) == ((), [])


__all__ = ["quiet"]
