"""Whole operations that are disturbed at every call: what is said, recorded and left agrees, and the lock is free."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

import msgspec
import pytest

from ops import interrupts, operations
from ops.errors import EngineUnreachable, Interrupted, Left, LockHeld, PlanRefused, VideaError
from ops.events import Event, GoingBack, OperationEnded, Retrying, nobody
from ops.interrupts import SIGNALS
from ops.operations import Operation
from ops.preflight import Capacity
from ops.rollout import history, lease, lock, restore
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.rollout.request import Request, Strategy
from ops.steps import Target
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import NoTraffic
from videa_cli.words import words

OPS = str(Path(interrupts.__file__).parent) + os.sep
NEW = Target("new", "app:new", {"APP_IMAGE": "app:new", "APP_RELEASE": "new"})


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No traffic to watch, nothing to measure, no pauses, and the signal handlers of before afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("locks")))
    monkeypatch.setattr(operations, "TrafficProof", NoTraffic)
    monkeypatch.setattr(operations, "measure", lambda *_: Capacity(None, 0, 0, 0, None))
    for module in (restore, lease):
        monkeypatch.setattr(module, "PAUSES", (0.0,))
        monkeypatch.setattr(module, "PATIENCE", 0.2)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupts.treat_alike()
    yield
    NoTraffic.disturb = lambda call: None
    for number, handler in before.items():
        signal.signal(number, handler)


@dataclass
class Disturbance:
    """Does ``act`` at the calls numbered ``places``; counts all of them."""

    act: Callable[[], None]
    places: tuple[int, ...]
    calls: list[str] = field(default_factory=list)

    def __call__(self, call: str) -> None:
        self.calls.append(call)
        if len(self.calls) in self.places:
            self.act()


def scale_up(operation: Operation) -> object:
    return operation.scale(lambda present: 4)


def scale_down(operation: Operation) -> object:
    return operation.scale(lambda present: 1)


def deploy(operation: Operation) -> object:
    return operation.deploy(NEW, Request(Strategy.ROLLING))


def blue_green(operation: Operation) -> object:
    return operation.deploy(NEW, Request(Strategy.BLUE_GREEN, keep=0.001))


OPERATIONS = {"scale up": scale_up, "scale down": scale_down, "rolling": deploy, "blue-green": blue_green}


CHANGES = {"apply", "create", "stop", "start", "restore"}
"""Calls that change what serves; a removal follows a stop."""


def state(stack: FakeStack) -> tuple[object, ...]:
    """What an operation changes: replicas with their images, what nginx serves, and what is remembered."""
    images = {name: container.image for name, container in stack.platform.by_name.items()}
    return images, set(stack.gateway.served), stack.gateway.canary, stack.project.env_file.read_text()


ENDING = ("videa.lock.", "videa.operation.", "videa.journal.", "videa.command.")
"""What ends with an operation; what the releases declare stays with them."""


def left_over(stack: FakeStack) -> list[str]:
    """Locks, journals and commands that are still in the store."""
    return [name for name in stack.store.records if name.startswith(ENDING)]


def recorded(stack: FakeStack) -> list[str]:
    return [entry.result for entry in history.read(stack.project.directory) if entry.action != "found"]


def disturbed(
    directory: Path, name: str, act: Callable[[], None], places: tuple[int, ...]
) -> tuple[FakeStack, Disturbance, tuple[object, ...], BaseException | None]:
    """Runs an operation; the stack, what disturbed it, the state before, and what it raised."""
    directory.mkdir()
    stack, disturbance = fake_stack(directory), Disturbance(act, places)
    before, raised = state(stack), None
    stack.world.disturb = NoTraffic.disturb = disturbance
    try:
        OPERATIONS[name](Operation(stack, nobody, f"videa {name}"))
    except BaseException as error:
        raised = error
    stack.world.disturb = NoTraffic.disturb = lambda call: None
    return stack, disturbance, before, raised


def wanted(directory: Path, name: str) -> tuple[tuple[object, ...], int]:
    """The state after the operation when nothing disturbs it, and how many calls that takes."""
    stack, disturbance, _, raised = disturbed(directory, name, lambda: None, ())
    assert raised is None
    assert left_over(stack) == []
    assert recorded(stack) == [history.DONE]
    return state(stack), len(disturbance.calls)


@pytest.mark.parametrize(
    ("number", "again"), [(signal.SIGINT, ()), (signal.SIGHUP, (1, 2, 5))], ids=["Ctrl-C", "SIGHUP several times"]
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_interrupted_at_any_call_it_is_put_back_or_done_and_says_which(
    tmp_path: Path, name: str, number: signal.Signals, again: tuple[int, ...]
) -> None:
    done, calls = wanted(tmp_path / "undisturbed", name)
    endings = set()
    for place in range(1, calls + 1):
        places = (place, *(place + more for more in again))
        stack, disturbance, before, raised = disturbed(
            tmp_path / str(place), name, lambda: os.kill(os.getpid(), number), places
        )
        where = disturbance.calls[place - 1], place
        assert left_over(stack) == [], where
        if raised is None:
            assert state(stack) == done, where
            assert recorded(stack) == [history.DONE], where
        elif isinstance(raised, Interrupted):
            assert raised.aftermath is not None
            assert raised.aftermath.as_before, (where, raised.message)
            assert state(stack) == before, where
            assert recorded(stack) == ["interrupted"], where
        else:
            assert isinstance(raised, KeyboardInterrupt), (where, raised)
            assert state(stack) == before, where
            assert recorded(stack) == [], where
        endings.add(type(raised))
    assert endings == {type(None), Interrupted, KeyboardInterrupt}


def lost_answer() -> None:
    raise EngineUnreachable("refused", "")


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_engine_that_misses_one_call_costs_no_more_than_the_operation(tmp_path: Path, name: str) -> None:
    done, calls = wanted(tmp_path / "undisturbed", name)
    for place in range(1, calls + 1):
        stack, disturbance, before, raised = disturbed(tmp_path / str(place), name, lost_answer, (place,))
        where = disturbance.calls[place - 1], place
        if raised is None:
            assert state(stack) == done, where
        else:
            assert isinstance(raised, VideaError), (where, raised)
            assert raised.aftermath is None or raised.aftermath.as_before, (where, raised.message)
            assert state(stack) == before, where
        assert Journal(stack.store, stack.project.name).read() is None, where
        assert Lock(stack.store, stack.project.name).at_work() is None, where


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_engine_that_is_gone_for_good_leaves_a_journal_and_words_that_lead_on(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "PATIENCE", 0.0)
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    done, calls = wanted(tmp_path / "undisturbed", name)
    seen = set()
    for place in range(1, calls + 1):
        ever_after = tuple(range(place, 10_000))
        stack, disturbance, before, raised = disturbed(tmp_path / str(place), name, lost_answer, ever_after)
        where = disturbance.calls[place - 1], place
        journal = Journal(stack.store, stack.project.name).read()
        if raised is None:
            assert state(stack) == done, where
            continue
        assert isinstance(raised, VideaError), (where, raised)
        seen.add(raised.aftermath.left if raised.aftermath else None)
        if raised.aftermath is None or raised.aftermath.as_before:
            assert state(stack) == before, (where, raised.message)
            continue
        assert raised.aftermath.left in (Left.HALF_WAY, Left.STOPPED)  # or while it waited, when it changed nothing
        assert journal is not None, where
        assert raised.aftermath.left.value in raised.message
        assert "rolled back" not in raised.hint
        assert "--abort" in raised.hint
        assert "--resume" in raised.hint
        Operation(stack, nobody, "videa abort").abort()
        assert state(stack) == before, where
        assert left_over(stack) == [], where
    assert Left.HALF_WAY in seen


@pytest.mark.parametrize("name", OPERATIONS)
def test_broken_off_at_any_call_it_is_ended_by_another_process_as_if_nothing_had_happened(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the engine a process that does not reach it any more is one that was killed."""
    monkeypatch.setattr(restore, "PATIENCE", 0.0)
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    done, calls = wanted(tmp_path / "undisturbed", name)
    ended = 0
    for place in range(1, calls + 1):
        ever_after = tuple(range(place, 10_000))
        stack, disturbance, before, _ = disturbed(tmp_path / str(place), name, lost_answer, ever_after)
        where = disturbance.calls[place - 1], place
        if Journal(stack.store, stack.project.name).read() is None:
            assert state(stack) in (before, done), where
            continue
        Operation(stack, nobody, "videa deploy --resume").resume()
        assert unnumbered(state(stack)) == unnumbered(done), where
        assert left_over(stack) == [], where
        ended += 1
    assert ended


def unnumbered(found: tuple[object, ...]) -> tuple[object, ...]:
    """A state without the numbers of the replicas, which count on when some are started anew."""
    images, served, canary, remembered = found
    assert isinstance(images, dict)
    assert isinstance(served, set)
    return sorted(images.values()), served == images.keys(), canary, remembered


def test_a_late_engine_is_told_of_while_it_is_put_back(tmp_path: Path) -> None:
    notes: list[Event] = []
    stack = fake_stack(tmp_path)
    stack.world.sick.add("shop-app-3")
    failing = ["remove", "replicas"]

    def disturb(call: str) -> None:
        if GoingBack() in notes and call in failing:
            failing.remove(call)
            lost_answer()

    before = state(stack)
    stack.world.disturb = disturb
    with pytest.raises(VideaError, match="not ready") as caught:
        Operation(stack, notes.append, "videa scale 3").scale(lambda present: 3)
    assert failing == []
    assert any(isinstance(event, Retrying) for event in notes)
    assert caught.value.hint.startswith("everything was rolled back; ")
    assert state(stack) == before


def test_how_an_operation_has_ended_is_told_as_it_is_recorded(tmp_path: Path) -> None:
    told: list[Event] = []
    stack = fake_stack(tmp_path)
    Operation(stack, told.append, "videa scale 4").scale(lambda present: 4)
    stack.world.sick.add("shop-app-5")
    with pytest.raises(VideaError, match="not ready"):
        Operation(stack, told.append, "videa scale 5").scale(lambda present: 5)
    ended = [event for event in told if isinstance(event, OperationEnded)]
    assert [(event.command, event.result == history.DONE, event.left) for event in ended] == [
        ("videa scale 4", True, ""),
        ("videa scale 5", False, "rolled_back"),
    ]
    assert [msgspec.structs.replace(event, left="", seconds=round(event.seconds, 3)) for event in ended] == [
        entry.ended for entry in history.read(tmp_path)
    ]


@pytest.mark.parametrize("name", ["scale up", "scale down", "rolling"])
def test_a_process_that_was_stopped_until_its_lease_ended_changes_nothing_any_more(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP at any call, and SIGCONT when another may be at work: only what was under way is ended."""
    clock, later = lock.uptime, [0.0]
    monkeypatch.setattr(lock, "uptime", lambda: clock() + later[0])

    def stop() -> None:
        later[0] = lease.LEASE + 1.0

    _, calls = wanted(tmp_path / "undisturbed", name)
    seen = set()
    for place in range(1, calls + 1):
        later[0] = 0.0
        _, disturbance, _, raised = disturbed(tmp_path / str(place), name, stop, (place,))
        where = disturbance.calls[place - 1], place
        if "now" in where or raised is None:  # before it has its lock, or after its last change
            continue
        assert isinstance(raised, LockHeld), (where, raised)
        changes = [call for call in disturbance.calls[place:] if call in CHANGES]
        assert changes == [], (where, changes)
        seen.add(raised.aftermath.left if raised.aftermath else None)
    assert Left.STOPPED in seen


def test_the_history_names_the_release_that_serves_after_a_deploy_that_was_put_back_half(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.add("app:new")
    Operation(stack, nobody, "videa scale 2").scale(lambda present: 2)
    entry = history.read(tmp_path)[-1]
    assert (entry.release, entry.image) == ("old", "app:old")
    assert stack.gateway.served == ("shop-app-1", "shop-app-2")


def left_by_an_older_videa(stack: FakeStack, last: str) -> None:
    """The journal of a blue-green deploy that the version before was killed in, its steps in words."""
    stack.platform.add("app:new")
    stack.platform.add("app:new")
    header = {
        **{"type": "opening", "command": "videa deploy", "who": "me@here", "time": 1.0, "wanted": 2},
        **{"target": {"release": "new", "image": "app:new", "overrides": dict(NEW.overrides)}},
        **{"before": ["shop-app-1", "shop-app-2"], "served": ["shop-app-1", "shop-app-2"]},
        **{"variables": {"APP_REPLICAS": "2", "APP_IMAGE": None, "APP_RELEASE": None}},
        "request": {"strategy": "blue-green", "surge": 1, "keep": 0.0},
    }
    steps = [{"type": "step", "number": 1, "total": 5, "text": "start 2 replicas", "share": None, "time": 2.0}]
    steps.append({"type": "step", "number": 4, "total": 5, "text": last, "share": None, "time": 3.0})
    journal = stack.store.create("videa.journal.shop", {"videa.journal": "shop"})
    assert journal
    entries = [header, *steps]
    stack.store.write(journal, {f"{n:06}": msgspec.json.encode(entry) for n, entry in enumerate(entries)})


KEEPING = "keep the old ones for 60 s (videa promote ends it, videa abort goes back to them)"


@pytest.mark.parametrize("last", ["change the balancer", KEEPING, "drain"])
def test_an_operation_that_an_older_videa_left_is_put_back(tmp_path: Path, last: str) -> None:
    stack = fake_stack(tmp_path)
    before = state(stack)
    left_by_an_older_videa(stack, last)
    stack.gateway.served = ("shop-app-3", "shop-app-4")
    told: list[Event] = []
    Operation(stack, told.append, "videa abort").abort()
    assert last in " ".join(words(event) for event in told if isinstance(event, GoingBack))
    assert state(stack) == before
    assert left_over(stack) == []


def test_an_operation_that_an_older_videa_left_is_ended(tmp_path: Path) -> None:
    done, _ = wanted(tmp_path / "undisturbed", "blue-green")
    stack = fake_stack(tmp_path)
    left_by_an_older_videa(stack, "wait until ready")
    Operation(stack, nobody, "videa deploy --resume").resume()
    assert state(stack) == done
    assert left_over(stack) == []


def test_followers_go_back_with_a_release_that_an_older_videa_let_them_follow(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    left_by_an_older_videa(stack, "let worker follow")
    Operation(stack, nobody, "videa abort").abort()
    assert stack.platform.followed == ["worker"]


def test_what_did_not_serve_before_and_is_gone_is_named(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    sick = stack.platform.add()
    stack.world.sick.update((sick, "shop-app-5"))  # the second one of the new release does not become ready
    before = state(stack)
    with pytest.raises(VideaError, match="not ready") as caught:
        deploy(Operation(stack, nobody, "videa deploy"))
    assert caught.value.hint.startswith(f"everything was rolled back, without {sick}, which did not serve; ")
    assert set(stack.platform.names()) == {"shop-app-1", "shop-app-2"}
    assert state(stack)[1:] == before[1:]


class Between:
    """Traces the lines of ops that the main thread runs, and interrupts at every one whose number is in ``places``."""

    def __init__(self, places: tuple[int, ...]) -> None:
        self.places = places
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> Between | None:
        if not frame.f_code.co_filename.startswith(OPS):
            return None
        if event == "line":
            self.lines += 1
            if self.lines in self.places:
                os.kill(os.getpid(), signal.SIGINT)
        return self


def test_interrupted_between_any_two_lines_it_is_put_back_or_done_and_says_which(tmp_path: Path) -> None:
    """As the one above, where nothing is asked of the engine; some lines of all, other ones for each further signal."""
    done, _ = wanted(tmp_path / "undisturbed", "rolling")
    told = {type(None): [history.DONE], Interrupted: ["interrupted"]}
    place, endings = 1, set()
    while True:
        directory = tmp_path / str(place)
        directory.mkdir()
        stack = fake_stack(directory)
        before, raised, trace = state(stack), None, Between((place, place + 7, place + 40))
        traced = sys.gettrace()
        with interrupts.held():
            sys.settrace(trace)
            try:
                with interrupts.allowed(again=True):
                    deploy(Operation(stack, nobody, "videa deploy"))
            except (KeyboardInterrupt, Interrupted) as error:
                raised = error
            finally:
                sys.settrace(traced)
        if trace.lines < place:
            break
        assert left_over(stack) == [], place
        assert state(stack) == (before if raised else done), place
        assert recorded(stack) == told.get(type(raised), []), place
        endings.add(type(raised))
        place += 83
    assert endings == {type(None), Interrupted, KeyboardInterrupt}


def test_next_to_a_paused_replica_none_is_started(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.by_name["shop-app-2"] = replace(stack.platform.by_name["shop-app-2"], state="paused")
    before = state(stack)
    for act in (scale_up, deploy):
        with pytest.raises(PlanRefused, match="shop-app-2 is paused") as refused:
            act(Operation(stack, nobody, "videa"))
        assert "docker unpause shop-app-2" in refused.value.hint
    assert state(stack) == before
