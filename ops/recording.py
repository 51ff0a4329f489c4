"""What an operation records: the journal's header at its start; the history entry and the retained image at its end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ops.balancer.proof import Proof
from ops.errors import VideaError
from ops.events import Emit, HistoryIncomplete, OperationEnded, VerdictGiven
from ops.fleet import Fleet
from ops.project.values import env_file_values
from ops.rollout import history, retained
from ops.rollout.entries import Following, Header
from ops.rollout.operator import whoami
from ops.rollout.request import Request
from ops.rollout.targets import variables_of
from ops.stack import Stack
from ops.steps import Target


def new_header(
    stack: Stack,
    command: str,
    fleet: Fleet,
    target: Target,
    wanted: int,
    request: Request | None,
    following: tuple[Following, ...] = (),
    automatic: bool = False,
) -> Header:
    """Returns the header of a new operation, and records how the replicas that serve now are probed.

    ``command``: without secrets; ``wanted``: number of replicas at the end; ``request``: None for a scale;
    ``following``: the other services that the operation changes later; ``automatic``: see Header.
    Raises EngineError, ConfigError.
    """
    stack.declare((member.replica for member in fleet.alive if member.listed), serving=True)
    project = stack.project
    values = env_file_values(project)
    return Header(
        command=command,
        who=whoami(),
        time=time.time(),
        wanted=wanted,
        target=target,
        before=tuple(member.name for member in fleet.members),
        served=tuple(member.name for member in fleet.alive if member.listed),
        variables={name: values.get(name) for name in variables_of(project, target, wanted)},
        request=request,
        service=project.settings.service,
        following=following,
        releases={member.name: member.replica.release for member in fleet.members},
        automatic=automatic,
    )


def record_fleet(stack: Stack, fleet: Fleet) -> None:
    """Records the running releases that are not in the history, so that a rollback to them is possible.

    Also imports the history of an older version of videa. Raises EngineError, ConfigError.
    """
    history.take_over(stack)
    for replica in {member.replica.release: member.replica for member in fleet.ready}.values():
        retained.record_running(stack, "found", replica.release, replica.image, replica.image_id, len(fleet.ready))


def record_end(
    stack: Stack,
    ended: OperationEnded,
    header: Header,
    proof: Proof | None,
    verdicts: Sequence[VerdictGiven],
    emit: Emit,
    automatic: bool = False,
) -> None:
    """Writes the history and retains the image. If this fails, only emits an event: the operation itself has ended.

    ``header``: of the operation on this service; ``proof``: the traffic during the operation.
    ``automatic``: see history.Entry.
    """
    project = stack.project
    image = header.target.image or project.image
    try:
        entries = history.of(stack)
        entry = history.Entry(
            time=time.time(),
            who=ended.who,
            command=ended.command,
            action=ended.action,
            result=ended.result,
            release=ended.release,
            image=image,
            image_id=stack.platform.images.digest(image),
            replicas=header.wanted,
            seconds=round(ended.seconds, 3),
            requests=ended.requests,
            failed=ended.failed,
            slowest_ms=round(proof.slowest_ms, 1) if proof else None,
            verdicts=tuple(map(history.verdict_line, verdicts)),
            variables=retained.variables_now(project),
            service=project.settings.service,
            automatic=automatic,
        )
        history.append(stack, entry)
        if entry.deployed:
            retained.retain(stack, entry.image_id, entry.release, entries)
    except VideaError as error:
        emit(HistoryIncomplete(error.message))
