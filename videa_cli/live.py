"""What a terminal shows while an operation runs: one region below the lines, redrawn in place.

Without a terminal, with NO_COLOR, or with TERM=dumb, there are only lines.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from ops.errors import VideaError
from ops.events import VerdictGiven
from videa_cli.live_view import picture

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from ops.stack import Stack
    from ops.views.live import LiveSource, Sample

PAUSE = 1.0
"""Seconds between two samples."""

LEAST_HEIGHT = 12
"""Minimum lines of a terminal in which more than the running step is shown."""


def shows_live(console: Console) -> bool:
    """Whether the console can be redrawn in place."""
    return console.is_terminal and not console.is_dumb_terminal and not console.no_color and sys.stderr.isatty()


class Region:
    """The running step and the last sample. An error in showing them never fails the operation."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._spinner = Spinner("dots")
        self._text, self._began = "", 0.0
        self._verdict: VerdictGiven | None = None
        self._sample: Sample | None = None
        self._stack: Stack | None = None
        self._source: LiveSource | None = None
        self._moved = False
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, stack: Stack) -> None:
        """From now on, shows the replicas of this service."""
        self._stack, self._source, self._sample = stack, None, None

    def reached(self, service: str) -> None:
        """The operation continues with another service of the project, which the file may no longer contain."""
        if self._stack:
            with suppress(VideaError):
                self.watch(self._stack.of(service))

    def judged(self, verdict: VerdictGiven) -> None:
        """Stores the last verdict."""
        self._verdict = verdict

    def moved(self) -> None:
        """The balancer's list may have changed: reads it now."""
        self._moved = True
        self._wake.set()

    def step(self, text: str) -> None:
        """A step has started."""
        self._began = time.monotonic()
        self.progress(text)

    def progress(self, text: str) -> None:
        """The running step has made progress."""
        self._text = text
        if not self._live:
            self._live = Live(self, console=self._console, transient=True, refresh_per_second=4)
            self._live.start(refresh=True)
        if self._stack and not self._thread:
            self._thread = threading.Thread(target=self._look, name="videa-live", daemon=True)
            self._thread.start()

    def done(self) -> None:
        """No step is running: the sample stays, the spinner disappears."""
        self._text = ""

    def close(self) -> None:
        """Erases the region."""
        self._ended.set()
        self._wake.set()
        if self._live:
            self._live.stop()
            self._live = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, console.size.height
        lines: list[Text | Group] = []
        if self._text:
            lines.append(self._running(width))
        if self._sample and height >= LEAST_HEIGHT:
            lines.append(Group(picture(self._sample, self._verdict, width, height - len(lines) - 2)))
        yield Group(*lines)

    def _running(self, width: int) -> Text:
        now = time.monotonic()
        dot = self._spinner.render(now)
        elapsed = f"  {now - self._began:.0f} s" if now - self._began >= 1 else ""
        text = Text(f"  {dot} {self._text} ...", no_wrap=True, overflow="ellipsis")
        text.truncate(max(width - len(elapsed), 1), overflow="ellipsis")
        return text.append(elapsed, "dim")

    def _look(self) -> None:
        from ops.views.live import open_source

        while not self._ended.is_set():
            self._wake.clear()
            stack, source = self._stack, self._source
            if stack and not source:
                source = self._source = open_source(stack)
            if source:
                if self._moved:
                    self._moved = False
                    source.moved()
                try:
                    sample = source.look()
                except VideaError:
                    self._source = None  # nginx or the engine was restarted
                else:
                    if stack is self._stack:
                        self._sample = sample
            self._wake.wait(PAUSE)
