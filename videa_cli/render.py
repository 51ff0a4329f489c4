"""Shows events and outcomes to people. Progress goes to stderr, results to stdout."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import msgspec
from rich.markup import escape

from ops.errors import TAKE_UP
from ops.events import (
    Back,
    Event,
    LeftWaiting,
    OperationEnded,
    ServiceReached,
    StepEnded,
    StepFailed,
    StepStarted,
    Transferred,
    VerdictGiven,
)
from ops.steps import Recreate, Remove, Route, Split, Start
from videa_cli.console import console, hanging
from videa_cli.event_lines import Mark, event_line
from videa_cli.json_output import Json, show_event, show_result
from videa_cli.step_words import lasting
from videa_cli.units import size
from videa_cli.words import words

if TYPE_CHECKING:
    from ops.balancer.proof import Proof
    from ops.outcome import Outcome
    from ops.parts import Part
    from ops.preflight import Capacity
    from ops.stack import Stack
    from videa_cli.live import Region


SHOWN_ELSEWHERE = (StepStarted, Transferred, OperationEnded, LeftWaiting)
"""Events without a line: those of a running step, and those whose outcome or error is shown with the proof."""

MOVES = (Route, Split, Recreate, Start, Remove, Back)
"""Steps that change the set of replicas, or which of them get requests."""

COLOURS = {Mark.GOOD: "green", Mark.BAD: "red", Mark.NOTE: "yellow", Mark.BEGUN: "dim"}


class Progress:
    """Shows events: a line for each finished step, and in a terminal a live region below (see ``videa_cli.live``).

    ``as_json``: steps are shown only as lines; with ``EVENTS``, also prints each event on stdout.
    """

    def __init__(self, as_json: Json = Json.NO) -> None:
        self.console = console(stderr=True)
        self.as_json = as_json
        self.region: Region | None = None
        if not as_json and self.console.is_terminal:
            from videa_cli.live import Region, shows_live

            self.region = Region(self.console) if shows_live(self.console) else None

    def watch(self, stack: Stack) -> None:
        """Shows the replicas of this service in the live region."""
        if self.region:
            self.region.watch(stack)

    def __call__(self, event: Event) -> None:
        """Shows one event."""
        if self.as_json is Json.EVENTS:
            show_event(event)
        if self.region:
            self._draw(self.region, event)
        if isinstance(event, StepEnded):
            self._print(Mark.GOOD, f"{escape(words(event.step))}  [dim]{event.seconds:.1f} s[/]")
        elif isinstance(event, StepFailed):
            self._print(Mark.BAD, f"{escape(words(event.step))}: {escape(event.reason)}")
        elif isinstance(event, ServiceReached):
            self.console.print(f"[bold]{escape(words(event))}[/]")
        elif not isinstance(event, SHOWN_ELSEWHERE):
            mark, text = event_line(event)
            self._print(mark, escape(text))

    def close(self) -> None:
        """Erases the live region."""
        if self.region:
            self.region.close()

    def _print(self, mark: Mark, text: str) -> None:
        hanging(self.console, f"  [{COLOURS[mark]}]{mark.value}[/]", text)

    def _draw(self, region: Region, event: Event) -> None:
        if isinstance(event, StepStarted):
            region.step(words(event.step))
        elif isinstance(event, Transferred):
            region.progress(words(event))
        elif isinstance(event, StepEnded | StepFailed):
            region.done()
            if isinstance(event.step, MOVES):
                region.moved()
        elif isinstance(event, ServiceReached):
            region.reached(event.service)
        elif isinstance(event, VerdictGiven):
            region.judged(event)


def show_outcome(outcome: Outcome, what: str, as_json: Json, dry_run: bool) -> None:
    """Shows what an operation did or would do, and its proof. ``what``: past participle, such as "scaled"."""
    out = console(unbroken=True)
    if as_json is Json.EVENTS:
        show_result(outcome_as_dict(outcome, dry_run), as_json)
    elif as_json:
        out.print_json(json.dumps(outcome_as_dict(outcome, dry_run)))
    elif dry_run:
        show_plan(outcome)
    elif outcome.waiting:
        out.print(escape(f"{words(outcome.waiting)}; {TAKE_UP}"))
    elif not outcome.plan.steps and outcome.proof is None:
        out.print(f"nothing to do: {escape(outcome.plan.summary)}")
    else:
        text = f"[bold]{_done(outcome, what)}:[/] {escape(_result(outcome))} ({outcome.seconds:.1f} s)"
        out.print(text, soft_wrap=not out.is_terminal)
    if outcome.proof and not as_json:
        show_proof(outcome.proof)


def _done(outcome: Outcome, what: str) -> str:
    if outcome.rolled_back:
        return "rolled back"
    return what if outcome.changes or not outcome.plan.steps else "unchanged"


def _result(outcome: Outcome) -> str:
    if not outcome.idle:
        return outcome.plan.summary
    verb = "does" if len(outcome.idle) == 1 else "do"
    return f"{outcome.plan.summary}, of which {len(outcome.idle)} {verb} not serve"


def show_plan(outcome: Outcome) -> None:
    """Shows the numbered steps of a plan, and the resources that it needs."""
    out, several = console(unbroken=True), len(outcome.parts) > 1
    for part in outcome.parts:
        plan = part.plan.redacted
        out.print(f"{escape(part.service) if several else 'plan'}: {escape(plan.summary)}")
        for number, step in enumerate(plan.steps, 1):
            final = f"  [dim]({lasting(step)})[/]" if lasting(step) else ""
            hanging(out, f"  {number}.", f"{escape(words(step))}{final}")
        for key, value, source in part.request.taken if part.request else ():
            out.print(f"{escape(key)}: {escape(value)} (from {escape(source)})")
        for line in _needs_of(part):
            hanging(out, "needs:", line)
    out.print("nothing was changed (dry run)")


def _needs_of(part: Part) -> list[str]:
    return needs(part.capacity, part.most, part.plan.surge) if part.capacity else []


def needs(capacity: Capacity, most: int, surge: int) -> list[str]:
    """The needs of ``most`` simultaneous replicas, ``surge`` of them additional, compared with what is available."""
    lines = [f"{most} replicas at the same time, {surge} more than now"]
    if capacity.need and capacity.free is not None:
        lines.append(f"{size(surge * capacity.need)} more memory; {size(capacity.free)} are free")
    if capacity.pool and capacity.connections and capacity.open is not None:
        free = capacity.connections - capacity.open
        lines.append(f"{surge * capacity.pool} more database connections; {free} are free")
    if capacity.memory and capacity.reservation:
        wanted = capacity.reserved + most * capacity.reservation
        lines.append(f"{size(wanted)} of {size(capacity.memory)} memory reserved")
    if capacity.pool and capacity.connections:
        lines.append(f"{most * capacity.pool} of {capacity.connections} database connections if all pools are full")
    return lines


def show_proof(proof: Proof) -> None:
    """Shows the traffic during an operation in one line, and up to five requests that failed."""
    out = console(unbroken=True)
    colour = "red" if proof.failed else "green" if proof.proven else "yellow"
    out.print(f"[{colour}]{escape(str(proof))}[/]")
    for failure in proof.failures[:5]:
        what = f"{failure.method} {failure.path}: {failure.status or 'no answer'}"
        out.print(escape(f"  {what} ({failure.upstream or 'nginx itself'})"))


def outcome_as_dict(outcome: Outcome, dry_run: bool) -> dict[str, Any]:
    """An outcome for scripts."""
    return {
        "summary": outcome.plan.summary,
        "dry_run": dry_run,
        "changed": outcome.changes and not dry_run,
        "not_serving": [each.replica for each in outcome.idle],
        "rolled_back": outcome.rolled_back,
        "release": outcome.plan.target.release,
        "steps": [words(step) for step in outcome.plan.steps],
        "plan": msgspec.to_builtins(outcome.plan.steps),
        "lasting": {words(step): note for step in outcome.plan.steps if (note := lasting(step))},
        "needs": [line for part in outcome.parts for line in _needs_of(part)],
        "taken": {
            part.service: [{"key": key, "value": value, "source": source} for key, value, source in part.request.taken]
            for part in outcome.parts
            if part.request
        },
        "services": {part.service: part.plan.summary for part in outcome.parts},
        "verdicts": [words(verdict) for verdict in outcome.verdicts],
        "judged": msgspec.to_builtins(outcome.verdicts),
        "waiting": msgspec.to_builtins(outcome.waiting),
        "seconds": round(outcome.seconds, 3),
        "proof": dataclasses.asdict(outcome.proof) if outcome.proof else None,
    }
