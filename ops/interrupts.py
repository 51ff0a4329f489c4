"""Ctrl-C, `kill` and a closed terminal: signals are handled only where an interruption is safe.

For example, a signal during the acquisition of the lock would leave it half acquired. Such code holds signals back
(``held``) and lets them through (``allowed``) only where an interruption is followed by a rollback. The first signal
let through raises KeyboardInterrupt; later ones have no effect, so that they cannot interrupt the rollback.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a process to exit: Ctrl-C, `kill`, the end of its terminal."""


class _Mode(Enum):
    """What happens to a signal: it is held back, let through if it is the first one, or always let through."""

    HELD = auto()
    ONCE = auto()
    ALWAYS = auto()


@dataclass
class _Gate:
    """``depth``: of nested ``held`` blocks; ``waiting``: a signal came; ``spent``: one was let through.

    ``changed``: this process has changed something, or was about to.
    """

    depth: int = 0
    mode: _Mode = _Mode.HELD
    waiting: bool = False
    spent: bool = False
    settled: bool = False
    changed: bool = False
    handlers: dict[signal.Signals, Any] = field(default_factory=dict)

    def receive(self, signum: int, frame: FrameType | None) -> None:
        if self.mode is _Mode.HELD:
            self.waiting = True
        else:
            self.let_through()

    def let_through(self) -> None:
        self.waiting = False
        if self.mode is _Mode.ONCE:
            self.mode, self.spent = _Mode.HELD, True
        raise KeyboardInterrupt

    def let_a_waiting_one_through(self) -> None:
        if self.waiting and self.mode is not _Mode.HELD:
            self.let_through()

    def back_to(self, mode: _Mode) -> None:
        over = self.settled or (self.spent and mode is _Mode.ONCE)
        self.mode = _Mode.HELD if over else mode

    def install(self) -> None:
        self.mode, self.waiting, self.spent, self.settled = _Mode.HELD, False, False, False
        try:
            for number in SIGNALS:
                handler = signal.getsignal(number)
                # A signal that the parent process set to be ignored, as `nohup` does, stays ignored.
                if handler is not None and handler is not signal.SIG_IGN:
                    self.handlers[number] = handler
                    signal.signal(number, self.receive)
        except BaseException:
            self.uninstall()
            raise

    def uninstall(self) -> None:
        while self.handlers:
            number, handler = self.handlers.popitem()
            signal.signal(number, handler)


_GATE = _Gate()


@contextmanager
def held() -> Iterator[None]:
    """Holds signals back in the block, except in ``allowed`` blocks within it. No effect outside the main thread.

    In a ``held`` block nested in ``allowed``, a signal raises KeyboardInterrupt at the end of the nested block. After
    the last ``allowed`` block, a signal is dropped at the end, because the work is complete then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _GATE.depth:
        _GATE.install()
    before, _GATE.mode = _GATE.mode, _Mode.HELD
    _GATE.depth += 1
    if before is _Mode.ALWAYS:
        _GATE.spent = False
    try:
        yield
    finally:
        _GATE.depth -= 1
        if _GATE.depth:
            _GATE.back_to(before)
            _GATE.let_a_waiting_one_through()
        else:
            _GATE.uninstall()


@contextmanager
def allowed(again: bool = False) -> Iterator[None]:
    """Lets signals through in a block within ``held``, also one held back before: raises KeyboardInterrupt.

    ``again``: also lets later signals through, for work that needs no rollback.
    """
    if not _GATE.depth or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _GATE.mode
    try:
        _GATE.back_to(_Mode.ALWAYS if again else _Mode.ONCE)
        _GATE.let_a_waiting_one_through()
        yield
    finally:
        _GATE.back_to(before)


def settle() -> None:
    """Lets no more signals through until the outermost ``held`` ends, because the work is complete."""
    if _GATE.depth and threading.current_thread() is threading.main_thread():
        _GATE.settled, _GATE.mode = True, _Mode.HELD


def change_begins() -> None:
    """Called immediately before a change, so that nobody says after an interruption that nothing was changed."""
    _GATE.changed = True


def may_have_changed() -> bool:
    """Whether this process has changed something, or was about to."""
    return _GATE.changed


def treat_alike() -> None:
    """Treats `kill` and a closed terminal like Ctrl-C in this process."""
    for number in SIGNALS[1:]:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def ignore() -> None:
    """Ignores all signals from now on: the process is exiting, and `timeout`, for example, signals it twice."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _GATE.handlers.clear()
