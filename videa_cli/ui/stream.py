"""The fragments that change while somebody looks: one sampler for all viewers, none without a viewer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

from ops.doctor.answer import Answer
from ops.errors import VideaError
from ops.redaction.typed import shown
from videa_cli.ui.actions import Actions
from videa_cli.ui.pictures import Trends
from videa_cli.ui.progress import progress_of
from videa_cli.ui.render import Renderer
from videa_cli.ui.source import Source
from videa_cli.ui.threads import Threads

INTERVAL = 2.0
"""Seconds between two samples; at least as long as a sample takes, so that the page never keeps an engine busy."""

AUTOSCALE = 5.0
"""Seconds between two reads of what the autoscaler has decided: the time between two of its rounds."""

JOURNAL = 0.5
"""Seconds between two reads of the journal while an operation has not ended."""

PATIENCE = 5.0
"""Seconds after which the page says that the engine has not answered yet."""

SILENCE = 15.0
"""Seconds after which an unchanged stream sends a comment, so that the page knows that it is alive."""


class Live:
    """The present fragments by name. ``closing``: the server ends."""

    def __init__(self, source: Source, renderer: Renderer, interval: float = INTERVAL) -> None:
        self.source, self.renderer, self.interval = source, renderer, interval
        self.patience = PATIENCE
        self.fragments: dict[str, str] = {"doctor": renderer.doctor(None, False), "actions": renderer.actions(())}
        self.closing = False
        self.threads = Threads()
        self._waiting: set[str] = set()
        self._taken: float | None = None
        self._changed = asyncio.Event()
        self._viewers = 0
        self._loops: list[asyncio.Task[None]] = []
        self._trends = Trends()
        self._shown: tuple[int, float] | None = None
        self._report: Answer | None = None
        self._examining = False

    def publish(self, name: str, fragment: str) -> None:
        """Replaces a fragment and wakes all viewers."""
        if self.fragments.get(name) != fragment:
            self.fragments[name] = fragment
            self.wake()

    def wake(self) -> None:
        """Lets every viewer look for changes."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def show_actions(self, actions: Actions) -> None:
        """Publishes what the page has started."""
        self.publish("actions", self.renderer.actions(actions.shown))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Samples while at least one viewer is inside."""
        self._viewers += 1
        if self._viewers == 1:
            steps = (self._sample, self._look, self._scaling)
            self._loops = [asyncio.create_task(self._repeat(step)) for step in steps]
        try:
            yield
        finally:
            self._viewers -= 1
            if self._viewers == 0:
                for loop in self._loops:
                    loop.cancel()

    async def changes(self) -> AsyncIterator[tuple[str, object] | None]:
        """The fragments, and each again when it changes, and samples; None after a silence. Ends with the server."""
        sent: dict[str, str] = {}
        drawn = 0.0
        with self.watched():
            while not self.closing:
                changed = self._changed
                new = {name: html for name, html in self.fragments.items() if sent.get(name) != html}
                sent |= new
                for fragment in new.items():
                    yield fragment
                if samples := self._trends.since(drawn):
                    drawn = max(rows[-1][0] for rows in samples.values())
                    yield "samples", samples
                try:
                    await asyncio.wait_for(changed.wait(), SILENCE)
                except TimeoutError:
                    yield None

    async def examine(self) -> None:
        """Runs the doctor, if it does not run already."""
        if self._examining:
            return
        self._examining = True
        self.publish("doctor", self.renderer.doctor(self._report, True))
        try:
            self._report = await self.threads.run(self.source.doctor)
        finally:
            self._examining = False
            self.publish("doctor", self.renderer.doctor(self._report, False))

    async def _repeat(self, step: Callable[[], Awaitable[float]]) -> None:
        """Runs a step again and again. ``step`` returns the pause after it, in seconds."""
        while True:
            begun = time.monotonic()
            late = asyncio.get_running_loop().call_later(self.patience, self._await_engine, step.__name__)
            try:
                pause = await step()
            except VideaError as error:
                self.source.renew()
                self.publish("overview", self.renderer.problem(error.message, error.hint))
                pause = self.interval
            except Exception as error:
                self.publish("overview", self.renderer.problem(*bug(error)))
                pause = self.interval
            finally:
                late.cancel()
                self._answered(step.__name__)
            await asyncio.sleep(max(pause, min(time.monotonic() - begun, 10 * self.interval)))

    def _await_engine(self, step: str) -> None:
        """Says that the figures are old, until all steps have their answers."""
        self._waiting.add(step)
        self.publish("engine", self.renderer.waiting(self.patience, self._taken))

    def _answered(self, step: str) -> None:
        self._waiting.discard(step)
        if not self._waiting:
            self.publish("engine", "")

    async def _sample(self) -> float:
        board = await self.threads.run(self.source.board)
        self._taken = board.taken
        self._trends.add(board)
        self.publish("overview", self.renderer.overview(board))
        return self.interval

    async def _scaling(self) -> float:
        if known := await self.threads.run(self.source.autoscale):
            self.publish("autoscale", self.renderer.autoscale(known))
        return AUTOSCALE

    async def _look(self) -> float:
        source = self.source
        await self.threads.run(source.look)
        state, attended = source.operation
        happened = list(source.happened)
        progress = progress_of(state, attended, happened) if state else None
        self.publish("operation", self.renderer.operation(progress))
        newest = source.known, source.entries[-1].time if source.entries else 0.0
        if newest != self._shown:
            self._shown = newest
            self.publish("events", self.renderer.events(happened))
            self.publish("history", self.renderer.history(source.entries))
        return min(JOURNAL, self.interval) if state else self.interval


def bug(error: Exception) -> tuple[str, str]:
    """The message and the hint for an unexpected error."""
    return shown(f"videa itself failed: {type(error).__name__}: {error}"), "this is a bug; please report it"
