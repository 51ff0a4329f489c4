"""videa promote"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.errors import CONTINUE, PlanRefused
from videa_cli.context import Options
from videa_cli.detaching import hand_over, in_job
from videa_cli.json_output import AsJson, Json, show_text_or_json


def promote(
    context: typer.Context,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run the rest in a container: see videa deploy --help.")
    ] = False,
    until_wait: Annotated[bool, typer.Option("--until-wait", help="Return at the next wait.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would continue, and change nothing.")] = False,
    as_json: AsJson = Json.NO,
) -> None:
    """End the wait of a deploy, which then continues.

    Works for a canary that is paused or judged, and for a blue-green deploy that keeps the old set. If a process runs
    the deploy, that process continues it. Otherwise, as after `videa deploy --until-wait`, this command runs the
    remaining steps.

    \b
    Examples:
      videa promote
      videa promote --detach
      videa promote --json=events
    """
    from ops.rollout.lock import Lock

    options: Options = context.obj
    journal = options.journal()
    holder, state = Lock(journal.store, journal.project).operation_holder(), journal.read()
    if state is None or (holder is None and not state.waiting):
        hint = f"{state} was interrupted; {CONTINUE}" if state else "see `videa status` and `videa history`"
        raise PlanRefused("no deploy waits", hint)
    if holder is None and detach and not in_job():
        hand_over(options, as_json, dry_run)
        return
    if holder is None:
        _carry_out(options, until_wait, dry_run, as_json)
        return
    if not dry_run:
        journal.commands.send("promote")
    operation = f"`{holder.command}` of {holder.who}"
    request = f"{operation} to continue"
    text = (
        f"would ask {request}; nothing was changed" if dry_run else f"asked {request}; follow it: videa deploy --watch"
    )
    show_text_or_json({"dry_run": dry_run, "operation": operation}, text, as_json)


def _carry_out(options: Options, until_wait: bool, dry_run: bool, as_json: Json) -> None:
    """Ends the wait, and runs the remaining steps in this process. Raises the errors of the steps."""
    from videa_cli.operation import carry_out
    from videa_cli.words import words

    state = options.journal().read()
    if dry_run and state:
        operation = words(state.standing)
        text = f"would continue {operation}; nothing was changed"
        show_text_or_json({"dry_run": True, "operation": operation}, text, as_json)
        return
    carry_out(options, "completed", lambda operation: operation.promote(until_wait), as_json)
