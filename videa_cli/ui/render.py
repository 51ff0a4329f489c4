"""Turns data into fragments of the page. The texts of events and steps are those of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment

from ops.autoscale.view import Recorded
from ops.doctor.answer import Answer
from ops.rollout.follow import Happened
from ops.rollout.history import DONE, LEFT, Entry
from ops.views.board import Board
from ops.views.logs import LogLine
from videa_cli.autoscale_view import state_of
from videa_cli.event_lines import event_line
from videa_cli.ui.actions import Action
from videa_cli.ui.pictures import comparison, split_parts, staircase
from videa_cli.ui.progress import Progress
from videa_cli.ui.source import LONGEST_LINE
from videa_cli.units import clock, day, duration, milliseconds, share, size

SHOWN = 100
"""Maximum entries of a list."""

PRECISE = 100
"""Requests/s below which a rate is shown with a decimal."""

STATES = {"healthy": "good", "starting": "warn"}


class Renderer:
    """Renders the fragments. ``read_only``: without buttons that change something."""

    def __init__(self, templates: Environment, read_only: bool) -> None:
        templates.filters |= {
            "clock": clock,
            "day": day,
            "duration": duration,
            "size": size,
            "milliseconds": milliseconds,
            "rate": lambda rate: f"{rate:,.0f}" if rate >= PRECISE else f"{rate:.1f}",
            "percent": lambda part: "-" if part is None else f"{part:.1%}",
            "state": lambda health: STATES.get(health, "bad"),
        }
        templates.globals |= {"share_of": share, "split_parts": split_parts, "comparison": comparison}
        templates.globals |= {"DONE": DONE, "LEFT": LEFT}
        self._templates = templates
        self._fixed = {"read_only": read_only}

    def overview(self, board: Board) -> str:
        """The services and their replicas."""
        return self._render("overview", board=board)

    def problem(self, message: str, hint: str) -> str:
        """Replaces the overview: why nothing can be shown."""
        return self._render("problem", message=message, hint=hint)

    def waiting(self, seconds: float, taken: float | None) -> str:
        """Shown while the engine does not answer. ``taken``: Unix time of the shown sample, None if there is none."""
        return self._render("waiting", seconds=seconds, taken=taken)

    def operation(self, progress: Progress | None) -> str:
        """The operation that has not ended."""
        return self._render("operation", progress=progress)

    def autoscale(self, services: Sequence[Recorded]) -> str:
        """The decisions of the autoscaler."""
        return self._render("autoscale", services=[(each, state_of(each), staircase(each)) for each in services])

    def history(self, entries: Sequence[Entry]) -> str:
        """Past operations, newest first."""
        return self._render("history", entries=list(reversed(entries))[:SHOWN])

    def events(self, happened: Iterable[Happened]) -> str:
        """Events, newest first."""
        rows = [(moment, *event_line(event)) for moment, event in happened]
        return self._render("events", rows=rows[::-1][:SHOWN])

    def doctor(self, report: Answer | None, running: bool) -> str:
        """The last report."""
        return self._render("doctor", report=report, running=running)

    def actions(self, actions: Iterable[Action]) -> str:
        """The commands that this page has started, newest first."""
        return self._render("actions", actions=list(actions)[::-1])

    def logs(self, lines: Sequence[LogLine]) -> str:
        """Lines of a log, oldest first."""
        return self._render("logs", lines=lines, longest=LONGEST_LINE)

    def _render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(f"{template}.html").render(**self._fixed, **values)
