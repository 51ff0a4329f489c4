"""What the operations share on the command line: progress while they work, proof at the end, also of a failure."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from ops.interrupts import held
from ops.operations import Operation, Outcome
from videa_cli.context import Options
from videa_cli.render import Progress, show_outcome, show_proof


def carry_out(
    options: Options, what: str, operation: Callable[[Operation], Outcome], as_json: bool, dry_run: bool = False
) -> None:
    """Runs an operation of ops and shows how it goes. Raises its VideaError after showing the traffic meanwhile."""
    progress = Progress()
    each = Operation(options.stack(), progress, typed())
    try:
        outcome = operation(each)
    except BaseException:
        progress.close()
        if each.proof and not as_json:
            show_proof(each.proof)
        raise
    with held():
        progress.close()
        show_outcome(outcome, what, as_json, dry_run)


def typed() -> str:
    """The command line as it was typed, for whoever finds the lock taken or reads the history."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
