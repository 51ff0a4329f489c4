"""videa abort"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import CONTINUE, Aftermath, Interrupted, Left, OperationFailed, PlanRefused
from videa_cli.context import Options
from videa_cli.json_output import AsJson, Json, show_text_or_json

if TYPE_CHECKING:
    from ops.models import Job
    from ops.rollout.journal import Journal
    from ops.rollout.lock import Lock

PATIENCE = 300.0
"""Seconds to wait until the operation has been rolled back."""

POLL = 0.1
"""Seconds between two checks of this."""


def abort(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be rolled back, and change nothing.")
    ] = False,
    as_json: AsJson = Json.NO,
) -> None:
    """Roll back an operation that has not ended.

    The operation may be running, waiting, or interrupted. Traffic returns to the old replicas first. Works from any
    terminal or machine. If a process runs the operation, that process rolls it back; otherwise this command does. While
    a blue-green deploy keeps the old set, one reload of nginx returns to it.

    Without such an operation, it cancels an operation that `videa deploy --detach` or `--at` has handed over and that
    has not begun.

    \b
    Examples:
      videa abort
      videa abort --dry-run
    """
    options: Options = context.obj
    journal = options.journal()
    if not journal.exists() and (job := _job_without_changes(journal)):
        _cancel(options, job, dry_run, as_json)
        return
    if dry_run:
        from videa_cli.words import words

        state = journal.read()
        if state is None:
            raise PlanRefused("no operation is running, waits or was interrupted", "see `videa history`")
        operation = words(state.standing)
        show_text_or_json(
            {"dry_run": True, "operation": operation}, f"would roll back {operation}; nothing was changed", as_json
        )
        return
    roll_back(options, journal, as_json)


def _job_without_changes(journal: Journal) -> Job | None:
    """A job that has not begun its operation: it waits for its time or a lock, or builds. Scheduled jobs come last."""
    from ops.factory import open_jobs
    from ops.jobs.kind import Kind

    pending = {job.kind: job for job in open_jobs().all(journal.project) if not job.over}
    return pending.get(Kind.OPERATION) or pending.get(Kind.SCHEDULED)


def _cancel(options: Options, job: Job, dry_run: bool, as_json: Json) -> None:
    if not dry_run:
        from ops.factory import open_jobs
        from ops.jobs.kind import Kind
        from ops.jobs.request import file_of

        open_jobs().remove(job.id)
        project = options.load()
        file_of(project.directory, project.name, Kind(job.kind)).unlink(missing_ok=True)
    operation = f"`{job.command}` of {job.who}"
    text = f"would cancel {operation}; nothing was changed" if dry_run else f"cancelled {operation}"
    show_text_or_json({"dry_run": dry_run, "operation": operation}, text, as_json)


def roll_back(options: Options, journal: Journal, as_json: Json) -> None:
    """Asks the process that runs the operation to roll it back, and waits. If there is none, rolls it back here.

    Raises OperationFailed after PATIENCE, and the errors of the rollback.
    """
    from ops.rollout.command_queue import ABORT
    from ops.rollout.lock import Lock

    lock = Lock(journal.store, journal.project)
    holder = lock.operation_holder()
    if holder is None or not journal.exists():
        _carry_out(options, as_json)
        return
    journal.commands.send(ABORT)

    from rich.markup import escape

    from videa_cli.console import console

    console(stderr=True).print(escape(f"asked `{holder.command}` of {holder.who} to roll back"))
    deadline = time.monotonic() + PATIENCE
    try:
        while (now := lock.operation_holder()) and now.since == holder.since:
            if time.monotonic() > deadline:
                raise OperationFailed(
                    f"the rollback has not ended after {PATIENCE:g} s", "follow it: videa deploy --watch"
                )
            time.sleep(POLL)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; the rollback continues", "follow it: videa deploy --watch") from None
    if now is None and journal.exists() and _unread(journal):
        _carry_out(options, as_json)
        return
    check_ended(lock, journal)
    ended = {"dry_run": False, "operation": f"`{holder.command}` of {holder.who}"}
    show_text_or_json(ended, "it has ended; see `videa status` and `videa history`", as_json)


def _carry_out(options: Options, as_json: Json) -> None:
    from ops.operations import Operation
    from videa_cli.operation import carry_out

    carry_out(options, "rolled back", Operation.abort, as_json)


def _unread(journal: Journal) -> bool:
    """Whether the process left the operation or was killed before it read the abort command."""
    from ops.rollout.command_queue import ABORT

    command = journal.commands.take()
    return command is not None and command.verb == ABORT


def check_ended(lock: Lock, journal: Journal) -> None:
    """Raises OperationFailed if the rollback of the ended operation is incomplete: its journal still exists."""
    if journal.exists() and lock.operation_holder() is None:
        error = OperationFailed("it has ended, but was not rolled back completely", f"see `videa history`; {CONTINUE}")
        error.aftermath = Aftermath(Left.HALF_WAY)
        raise error
