"""videa rebalance"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from videa_cli.commands.node import DryRun, Surge
from videa_cli.json_output import AsJson, Json
from videa_cli.lock_wait import LockWait

if TYPE_CHECKING:
    from ops.operations import Operation
    from ops.outcome import Outcome


def rebalance(
    context: typer.Context,
    surge: Surge = 1,
    dry_run: DryRun = False,
    as_json: AsJson = Json.NO,
    lock_wait: LockWait = 0.0,
) -> None:
    """Spread the replicas over the nodes of the swarm again.

    Use it when a node has returned, because Swarm itself never does this. Replicas move until no node has two more of a
    service than another node. For each, a new replica starts on the node with the fewest, and takes over the requests
    when it is ready.

    \b
    Examples:
      videa rebalance
      videa rebalance --dry-run
    """
    from videa_cli.operation import carry_out

    def run(operation: Operation) -> Outcome:
        from ops.moving import rebalance

        return rebalance(operation, surge, dry_run)

    carry_out(context.obj, "moved", run, as_json, dry_run, lock_wait)
