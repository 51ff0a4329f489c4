"""Operations that are disturbed at their calls, and functions that read their result."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops import measuring, planning
from ops.errors import EngineUnreachable
from ops.events import discard
from ops.interrupts import SIGNALS
from ops.operations import Operation
from ops.preflight import Capacity
from ops.rollout import history, lease, restore
from ops.rollout.request import Request, Strategy
from ops.steps import Target
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.gateway import NoTraffic

NEW = Target("new", "app:new", {"APP_IMAGE": "app:new", "APP_RELEASE": "new"})


def shrink_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves few variables: each operation looks for secrets in all of them, which takes longer than the rest."""
    for name in os.environ.keys() - {"PATH", "HOME", "LANG", "PYTEST_CURRENT_TEST"}:
        monkeypatch.delenv(name)


def quieten(monkeypatch: pytest.MonkeyPatch, folder: Path, patience: float) -> None:
    """No traffic proof, no measuring, no pauses. ``folder``: for the files of locks."""
    shrink_environment(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(measuring, "TrafficProof", NoTraffic)
    monkeypatch.setattr(planning, "measure", lambda *_: Capacity(None, 0, 0, 0, None))
    for module in (restore, lease):
        monkeypatch.setattr(module, "PAUSES", (0.0,))
        monkeypatch.setattr(module, "PATIENCE", patience)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No traffic proof, no measuring, no pauses. Restores the signal handlers at the end."""
    quieten(monkeypatch, tmp_path_factory.mktemp("locks"), patience=0.2)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:  # also one that the parent of the tests ignores, such as nohup
        signal.signal(number, signal.default_int_handler)
    yield
    NoTraffic.disturb = lambda call: None
    for number, handler in before.items():
        signal.signal(number, handler)


class Killed(BaseException):
    """The end of a process: ops never catches it."""


def die() -> None:
    raise Killed


@dataclass
class Disturbance:
    """Runs ``act`` at the calls numbered ``places``, and records all calls."""

    act: Callable[[], None]
    places: Container[int]
    calls: list[str] = field(default_factory=list)

    def at(self, place: int) -> tuple[str, int]:
        """The call with this number, for messages. The number of calls in a wait varies."""
        return self.calls[place - 1] if place <= len(self.calls) else "none", place

    def __call__(self, call: str) -> None:
        self.calls.append(call)
        if len(self.calls) in self.places:
            self.act()

    def afterwards(self) -> Callable[[str], None]:
        """No further disturbance; but if every later call was disturbed, the process is gone with all its threads."""
        if not isinstance(self.places, range):
            return lambda call: None
        gone = set(threading.enumerate()) - {threading.current_thread()}

        def disturb(call: str) -> None:
            if threading.current_thread() in gone:
                self.act()

        return disturb


def scale_up(operation: Operation) -> object:
    return operation.scale(lambda present: 4)


def scale_down(operation: Operation) -> object:
    return operation.scale(lambda present: 1)


def deploy(operation: Operation) -> object:
    return operation.deploy(NEW, Request(Strategy.ROLLING))


def blue_green(operation: Operation) -> object:
    return operation.deploy(NEW, Request(Strategy.BLUE_GREEN, keep=1e-9))


OPERATIONS = {"scale up": scale_up, "scale down": scale_down, "rolling": deploy, "blue-green": blue_green}


def state(stack: FakeStack) -> tuple[object, ...]:
    """What an operation changes: replicas with their images, nginx's upstreams, and the variables in `.env`."""
    images = {name: container.image for name, container in stack.platform.by_name.items()}
    return images, set(stack.gateway.served), stack.gateway.canary, stack.project.env_file.read_text()


TEMPORARY = ("videa.lock.", "videa.operation.", "videa.journal.", "videa.command.")
"""Records that an operation removes at its end; the declarations of releases and the fencing number stay."""


def left_over(stack: FakeStack) -> list[str]:
    """Locks, journals and commands that are still in the store."""
    return [name for name in stack.store.records if name.startswith(TEMPORARY)]


def recorded(stack: FakeStack) -> list[str]:
    return [entry.result for entry in history.read(stack) if entry.action != "found"]


def disturbed(
    directory: Path, name: str, act: Callable[[], None], places: Container[int]
) -> tuple[FakeStack, Disturbance, tuple[object, ...], BaseException | None]:
    """Runs an operation. Returns the stack, the disturbance, the state before, and the exception."""
    directory.mkdir()
    stack, disturbance = fake_stack(directory), Disturbance(act, places)
    before, raised = state(stack), None
    stack.world.disturb = NoTraffic.disturb = disturbance
    try:
        OPERATIONS[name](Operation(stack, discard, f"videa {name}"))
    except BaseException as error:
        raised = error
    stack.world.disturb = NoTraffic.disturb = disturbance.afterwards()
    return stack, disturbance, before, raised


def wanted(directory: Path, name: str) -> tuple[tuple[object, ...], int]:
    """The state after the undisturbed operation, and its number of calls."""
    stack, disturbance, _, raised = disturbed(directory, name, lambda: None, ())
    assert raised is None
    assert left_over(stack) == []
    assert recorded(stack) == [history.DONE]
    return state(stack), len(disturbance.calls)


def lost_answer() -> None:
    raise EngineUnreachable("refused", "")


def unnumbered(numbered: tuple[object, ...]) -> tuple[object, ...]:
    """A state without the numbers of the replicas, because new replicas get new numbers."""
    images, served, canary, remembered = numbered
    assert isinstance(images, dict)
    assert isinstance(served, set)
    return sorted(images.values()), served == images.keys(), canary, remembered
