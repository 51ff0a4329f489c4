"""The text of events and steps. ops emits and stores only types; the CLI makes all text."""

from __future__ import annotations

from functools import singledispatch

from ops.errors import CONTINUE, TAKE_UP
from ops.events import (
    Back,
    HistoryIncomplete,
    HookFailed,
    JournalLeft,
    LeftWaiting,
    NoVerdict,
    OperationEnded,
    OperationInterrupted,
    OwnFault,
    Promoted,
    Resuming,
    Retrying,
    RollingBack,
    ServiceReached,
    Standing,
    Superseded,
    Task,
    Transferred,
    UnderWay,
    VerdictGiven,
)
from ops.notices import (
    AgentStarted,
    AutoscaleDecided,
    AutoscaleLimited,
    AutoscaleSkipped,
    BalancerOutdated,
    CanaryKey,
    CertificateFailed,
    CertificateRenewed,
    DriftRepaired,
    DutyFailed,
    EdgeLeaves,
    EdgeLeftOut,
    EdgeReturned,
    JobRevived,
    LockAwaited,
    NotificationDelayed,
    NotServing,
    OrphansLeft,
    OwnFilesRefused,
    PoolsUnchecked,
    PortGap,
    PortMoves,
    ProbedByConnect,
    ReleaseChanged,
    ReplicaEjected,
    ReplicaLeftOut,
    ReplicaReturned,
    ReplicasFixed,
    RequestsCut,
    RoundSkipped,
    ServicesChanged,
    ShellOnly,
    VariableShared,
)
from ops.rollout.history import verdict_line
from ops.steps import Judge, Pause, replicas
from videa_cli.step_words import step_words
from videa_cli.units import clock, day, size

BY_CONNECT = "ready: TCP connect; declare x-videa.health.ready to ask more"


@singledispatch
def words(thing: object) -> str:
    """The text of a step, of a task, or of an event that is not the start or end of one. Raises TypeError."""
    return step_words(thing)


@words.register
def _(step: Back) -> str:
    return f"roll back: {step_words(step.step)}"


@words.register
def _(task: Task) -> str:
    return task.text


@words.register
def _(event: Transferred) -> str:
    share = f" of about {size(event.total)}" if event.total else ""
    return f"{event.text}: {size(event.done)}{share}"


@words.register
def _(event: VerdictGiven) -> str:
    return verdict_line(event)


@words.register
def _(event: Promoted) -> str:
    if event.percent is None:
        return f"promoted by {event.who}"
    return f"{event.percent:g}%: promoted by {event.who} without a verdict"


@words.register
def _(event: NoVerdict) -> str:
    return f"{event.percent:g}%: no verdict within {event.seconds:g} s: videa promote, or videa abort"


@words.register
def _(event: HookFailed) -> str:
    return event.reason + ("; the release stays" if event.hook.startswith("post") else "")


@words.register
def _(event: OperationEnded) -> str:
    after = f" ({event.left.replace('_', ' ')})" if event.left else ""
    return f"`{event.command}` of {event.who} ended after {event.seconds:.1f} s: {event.result}{after}"


@words.register
def _(event: LeftWaiting) -> str:
    return f"{words(event.operation)}; {TAKE_UP}"


@words.register
def _(event: OwnFault) -> str:
    return event.left


@words.register
def _(event: OperationInterrupted) -> str:
    operation = words(event.operation)
    if event.operation.wait:
        return f"{operation}; {TAKE_UP}"
    return f"{operation} was interrupted; {CONTINUE}"


@words.register
def _(event: CanaryKey) -> str:
    if event.known:
        return "testers reach the canary with the header that `videa config --tester-header` prints"
    return "testers cannot choose a release: nginx has no valid TESTER_KEY (docs/canary.md)"


@words.register
def _(event: OrphansLeft) -> str:
    names = event.containers
    return (
        f"{', '.join(names)}: still running, but no longer in the Compose file; to remove: "
        f"docker rm --force {' '.join(names)}"
    )


@words.register
def _(event: ServicesChanged) -> str:
    return (
        f"{', '.join(event.services)}: changed in the Compose file, but not recreated, because services that need it "
        f"may be interrupted; to recreate it: videa up --recreate {event.services[0]}"
    )


@words.register
def _(event: ReleaseChanged) -> str:
    return "the Compose file or the image has changed; to roll out the change: videa deploy"


@words.register
def _(event: PortMoves) -> str:
    moves = f"the published port moves from {', '.join(event.containers)} to {event.balancer}"
    if event.gap:
        return f"{moves}: connections are refused for about a second in between, because {event.gap}"
    return (
        f"{moves}: a second nginx serves meanwhile; for some seconds, a container with NET_ADMIN in the host's network "
        "redirects new connections to it"
    )


@words.register
def _(event: PortGap) -> str:
    return f"connections are refused until the port has moved: {event.reason}"


@words.register
def _(event: BalancerOutdated) -> str:
    return (
        f"the balancer's image {event.image} is the one of another version of videa; to change to this version's: "
        "videa init, then videa up --recreate with the balancer's name"
    )


@words.register
def _(event: OwnFilesRefused) -> str:
    return f"nginx refuses your own file {'; '.join(event.files)}; it is left out: correct it, then videa up"


@words.register
def _(event: EdgeLeftOut) -> str:
    return f"{event.edge} on {event.node} is left out: {event.reason}; it gets the configuration when it returns"


@words.register
def _(event: EdgeLeaves) -> str:
    return f"{event.edge} stops at the end: clients must connect to other nodes than {event.node}"


@words.register
def _(event: EdgeReturned) -> str:
    return f"{event.edge} has the present configuration again"


@words.register
def _(event: PoolsUnchecked) -> str:
    return f"the connection pools are not checked against PostgreSQL: {event.reason}"


@words.register
def _(event: LockAwaited) -> str:
    return f"{event.reason}; waiting for it, at most {event.seconds:g} s"


@words.register
def _(event: ProbedByConnect) -> str:
    return BY_CONNECT


@words.register
def _(event: ShellOnly) -> str:
    return (
        f"{', '.join(event.variables)} is set only in your shell: `docker compose up -d` in another shell would "
        "recreate the replicas; to avoid this, add it to .env if a secret may be stored there"
    )


@words.register
def _(event: VariableShared) -> str:
    return (
        f"{', '.join(event.services)} also uses {event.variable} and keeps its old value: the next `docker compose up "
        "-d` will recreate it; to update it with each deploy, add it to x-videa.also"
    )


@words.register
def _(event: ReplicasFixed) -> str:
    return (
        f"the Compose file sets {event.replicas} replicas, and `docker compose up -d` will return to that number; to "
        f"let videa record the new one, write `replicas: ${{{event.variable}:-{event.replicas}}}` there"
    )


@words.register
def _(event: RequestsCut) -> str:
    return f"after {event.seconds:g} s, {event.workers} old nginx workers still have requests, which are cut now"


@words.register
def _(operation: Standing) -> str:
    who = f"`{operation.command}` of {operation.who}"
    if operation.step is None:
        return f"{who}, before its first step"
    at = f"at step {operation.number} of {operation.total}"
    if operation.wait:
        return f"{who} waits ({at}): {_waited_for(operation)}"
    return f"{who}, {at}: {step_words(operation.step)}"


def _waited_for(operation: Standing) -> str:
    """The reason for the wait. Times are UTC by the engine's clock."""
    until = operation.wait.until if operation.wait else None
    end = "" if until is None else f"until {clock(until)} UTC"
    if isinstance(operation.step, Judge):
        return f"{step_words(operation.step)}, {f'{end} at the latest' if end else 'which no process does now'}"
    if isinstance(operation.step, Pause):
        return f"paused at {operation.step.percent:g}%"
    return f"keep the old replicas {end}"


@words.register
def _(event: Resuming) -> str:
    return f"continuing {words(event.operation)}"


@words.register
def _(event: RollingBack) -> str:
    if event.operation:
        return f"rolling back {words(event.operation)}"
    return "rolling back" + (f": {event.reason}" if event.reason else "")


@words.register
def _(event: ServiceReached) -> str:
    return event.service


@words.register
def _(event: Superseded) -> str:
    return f"{words(event.operation)} was interrupted; this operation replaces it"


@words.register
def _(event: UnderWay) -> str:
    return f"`{event.operation.command}` of {event.operation.who}"


@words.register
def _(event: Retrying) -> str:
    return f"{event.reason}; trying again"


@words.register
def _(event: JournalLeft) -> str:
    return f"it has ended, but its journal was not removed ({event.reason}); to remove it: videa deploy --resume"


@words.register
def _(event: HistoryIncomplete) -> str:
    return f"the history is incomplete: {event.reason}"


@words.register
def _(event: ReplicaEjected) -> str:
    return f"{event.replica} removed from the balancer: {event.reason}"


@words.register
def _(event: ReplicaReturned) -> str:
    return f"{event.replica} returned to the balancer"


@words.register
def _(event: RoundSkipped) -> str:
    return f"round skipped: {event.reason}"


@words.register
def _(event: AutoscaleDecided) -> str:
    would = " would be scaled" if event.dry_run else ""
    return f"{event.service}{would}: {event.now} -> {replicas(event.desired)}; {event.reason}"


@words.register
def _(event: AutoscaleLimited) -> str:
    return f"{event.service} stays at {replicas(event.now)}: {event.reason}"


@words.register
def _(event: AutoscaleSkipped) -> str:
    return f"autoscale{f' of {event.service}' if event.service else ''} waits: {event.reason}"


@words.register
def _(event: DriftRepaired) -> str:
    return f"the balancer's configuration was repaired: {'; '.join(event.differences)}"


@words.register
def _(event: NotServing) -> str:
    return f"{event.replica} does not serve: {event.reason}; {event.fix}"


@words.register
def _(event: ReplicaLeftOut) -> str:
    return (
        f"{event.replica} gets no requests: its release, {event.release or 'without a name'}, is not the one of the "
        "replicas that do; to roll a release out: videa deploy"
    )


@words.register
def _(event: CertificateRenewed) -> str:
    return f"{event.domain} has a new certificate of {event.issuer}, valid until {day(event.not_after)} UTC"


@words.register
def _(event: CertificateFailed) -> str:
    return f"no certificate for {event.domain}: {event.reason}; next try after {day(event.retry_at)} UTC"


@words.register
def _(event: AgentStarted) -> str:
    return f"the agent of videa {event.version} looks after {event.project}"


@words.register
def _(event: DutyFailed) -> str:
    return f"{event.duty} failed, and is tried again: {event.reason}"


@words.register
def _(event: JobRevived) -> str:
    return f"{event.job} was killed before `{event.command}` had ended; started again"


@words.register
def _(event: NotificationDelayed) -> str:
    return f"{event.target} was not notified: {event.reason}; it is tried again"
