"""Ctrl-C, `kill` and a closed terminal: they end what may be left where it is, and wait for what may not.

A signal that arrives in the middle of taking the lock, say, would leave it half taken. So signals are held back there
(``held``) and let through (``allowed``) where somebody puts things in order afterwards. The first one that is let
through raises KeyboardInterrupt; those that follow change nothing, so that putting back is not left half done.
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
"""What ends a process politely: Ctrl-C, `kill`, the end of its terminal."""


class _Mode(Enum):
    """What becomes of a signal: it waits, it is let through if it is the first, or it is let through."""

    HELD = auto()
    ONCE = auto()
    ALWAYS = auto()


@dataclass
class _Gate:
    """``depth``: of nested ``held`` blocks; ``waiting``: a signal came; ``spent``: one was let through."""

    depth: int = 0
    mode: _Mode = _Mode.HELD
    waiting: bool = False
    spent: bool = False
    settled: bool = False
    handlers: dict[signal.Signals, Any] = field(default_factory=dict)

    def receive(self, signum: int, frame: FrameType | None) -> None:
        if self.depth and self.mode is _Mode.HELD:
            self.waiting = True
        else:
            self.let_through()

    def let_through(self) -> None:
        self.waiting = False
        if self.mode is _Mode.ONCE:
            self.mode, self.spent = _Mode.HELD, True
        raise KeyboardInterrupt

    def back_to(self, mode: _Mode) -> None:
        over = self.settled or (self.spent and mode is _Mode.ONCE)
        self.mode = _Mode.HELD if over else mode

    def install(self) -> None:
        self.mode, self.waiting, self.spent, self.settled = _Mode.HELD, False, False, False
        try:
            for number in SIGNALS:
                handler = signal.getsignal(number)
                # What the parent lets a process ignore, as `nohup` does, stays ignored.
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
    """Holds signals back in the block, but for what is ``allowed`` in it; nothing in threads other than the main one.

    One that comes while nothing is allowed any more is answered by the end of the block: what it does is then done.
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
        if _GATE.depth == 1:
            _GATE.uninstall()
        else:
            _GATE.back_to(before)
        _GATE.depth -= 1


@contextmanager
def allowed(again: bool = False) -> Iterator[None]:
    """Lets a signal through in a block within ``held``, or at its beginning one that waits: KeyboardInterrupt.

    ``again``: also those that follow, where nothing needs to be put in order.
    """
    if not _GATE.depth or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _GATE.mode
    try:
        _GATE.back_to(_Mode.ALWAYS if again else _Mode.ONCE)
        if _GATE.waiting and _GATE.mode is not _Mode.HELD:
            _GATE.let_through()
        yield
    finally:
        _GATE.back_to(before)


def settle() -> None:
    """Lets no signal through any more until the outermost ``held`` ends: what it would stop has ended."""
    if _GATE.depth and threading.current_thread() is threading.main_thread():
        _GATE.settled, _GATE.mode = True, _Mode.HELD


def treat_alike() -> None:
    """Makes `kill` and a closed terminal the same as Ctrl-C in this process."""
    for number in SIGNALS[1:]:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def ignore() -> None:
    """Ignores every signal from here on: `timeout` and the like send it twice, and the process is at its end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _GATE.handlers.clear()
