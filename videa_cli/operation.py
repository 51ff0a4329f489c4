"""Runs operations for the command line: shows the progress and, at the end, the proof, even after a failure."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.interrupts import held
from ops.jobs.supervise import EVENTS
from ops.operations import Operation
from ops.outcome import Outcome
from ops.redaction.typed import shown_command
from ops.stack import Stack
from videa_cli.context import Options
from videa_cli.detaching import in_job
from videa_cli.json_output import Json
from videa_cli.lock_wait import patiently
from videa_cli.render import Progress, show_outcome, show_proof


def carry_out(
    options: Options,
    what: str,
    run: Callable[[Operation], Outcome],
    as_json: Json,
    dry_run: bool = False,
    lock_wait: float = 0.0,
) -> None:
    """Runs an operation of ops and shows its progress. On failure, shows the traffic during it and raises its error.

    ``lock_wait``: seconds to wait for an operation of another process.
    """
    progress = Progress(as_json)
    operation: Operation | None = None

    def attempt(stack: Stack) -> Outcome:
        nonlocal operation
        progress.watch(stack)
        operation = Operation(stack, progress, typed())
        return run(operation)

    try:
        outcome = patiently(options, lock_wait, progress, attempt)
    except BaseException:
        progress.close()
        if operation and operation.proof and not as_json:
            show_proof(operation.proof)
        raise
    with held():
        progress.close()
        show_outcome(outcome, what, as_json, dry_run)


def typed(arguments: Sequence[str] | None = None) -> str:
    """The command line as it was typed, but without secrets, for the lock and the history.

    ``arguments``: given if they differ from those of this process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if in_job() and EVENTS in words:
        words.remove(EVENTS)
    return shlex.join([Path(sys.argv[0]).name, *map(shown_command, words)])
