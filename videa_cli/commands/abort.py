"""videa abort"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ops.errors import CONTINUE, Aftermath, Interrupted, Left, OperationFailed, PlanRefused
from videa_cli.context import Options

if TYPE_CHECKING:
    from ops.rollout.journal import Journal
    from ops.rollout.lock import Lock

PATIENCE = 300.0
"""Seconds to wait until the operation has put everything back."""

LOOK = 0.1
"""Seconds between two looks whether it has."""


def abort(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be put back and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Put back the deploy that is under way or was broken off.

    Traffic moves first. Also from another terminal or machine, and when nobody attends it any more. While a blue-green
    deploy keeps the old set it is one reload back to it.

    \b
    Examples:
      videa abort
      videa abort --dry-run
    """

    options: Options = context.obj
    journal = options.journal()
    if dry_run:
        from videa_cli.words import words

        state = journal.read()
        if state is None:
            raise PlanRefused("no operation is under way, and none was broken off", "see `videa history`")
        operation = words(state.standing)
        _say({"dry_run": True, "operation": operation}, f"would put back {operation}; nothing was changed", as_json)
        return
    put_back(options, journal, as_json)


def put_back(options: Options, journal: Journal, as_json: bool) -> None:
    """Asks the operation under way to put everything back and waits until it has, or puts back a broken-off one.

    Raises OperationFailed when it takes too long, and what putting back raises.
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

    from videa_cli.render import console

    console(stderr=True).print(escape(f"told `{holder.command}` of {holder.who} to put everything back"))
    deadline = time.monotonic() + PATIENCE
    try:
        while (now := lock.operation_holder()) and now.since == holder.since:
            if time.monotonic() > deadline:
                raise OperationFailed("it has not ended yet", "follow it: videa deploy --watch")
            time.sleep(LOOK)
    except KeyboardInterrupt:
        raise Interrupted("interrupted; it goes on to put everything back", "follow it: videa deploy --watch") from None
    if now is None and journal.exists() and _unheard(journal):
        _carry_out(options, as_json)
        return
    check_ended(lock, journal)
    ended = {"dry_run": False, "operation": f"`{holder.command}` of {holder.who}"}
    _say(ended, "it has ended; see videa status and videa history", as_json)


def _carry_out(options: Options, as_json: bool) -> None:
    from ops.operations import Operation
    from videa_cli.operation import carry_out

    carry_out(options, "put back", Operation.abort, as_json)


def _unheard(journal: Journal) -> bool:
    """Whether the operation was left, or its process killed, before it looked for what was asked of it."""
    from ops.rollout.command_queue import ABORT

    command = journal.commands.take()
    return command is not None and command.verb == ABORT


def check_ended(lock: Lock, journal: Journal) -> None:
    """Raises OperationFailed when the operation that has ended was not put back: its journal is still there."""
    if journal.exists() and lock.operation_holder() is None:
        error = OperationFailed("it has ended, and not everything was put back", f"see videa history; {CONTINUE}")
        error.aftermath = Aftermath(Left.HALF_WAY)
        raise error


def _say(outcome: dict[str, object], said: str, as_json: bool) -> None:
    typer.echo(json.dumps(outcome) if as_json else said)
