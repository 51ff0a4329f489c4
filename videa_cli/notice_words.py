"""The text of notices, such as "app-1 returned to the balancer": reports besides the course of an operation."""

from __future__ import annotations

from functools import singledispatch

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
from ops.steps import replicas
from videa_cli.step_words import step_words
from videa_cli.units import day

BY_CONNECT = "ready: TCP connect; declare x-videa.health.ready to ask more"


@singledispatch
def notice_words(thing: object) -> str:
    """The text of a notice, or of a step. Raises TypeError."""
    return step_words(thing)


@notice_words.register
def _(event: CanaryKey) -> str:
    if event.known:
        return "testers reach the canary with the header that `videa config --tester-header` prints"
    return "testers cannot choose a release: nginx has no valid TESTER_KEY (docs/canary.md)"


@notice_words.register
def _(event: OrphansLeft) -> str:
    names = event.containers
    return (
        f"{', '.join(names)}: still running, but no longer in the Compose file; to remove: "
        f"docker rm --force {' '.join(names)}"
    )


@notice_words.register
def _(event: ServicesChanged) -> str:
    return (
        f"{', '.join(event.services)}: changed in the Compose file, but not recreated, because services that need it "
        f"may be interrupted; to recreate it: videa up --recreate {event.services[0]}"
    )


@notice_words.register
def _(event: ReleaseChanged) -> str:
    return "the Compose file or the image has changed; to roll out the change: videa deploy"


@notice_words.register
def _(event: PortMoves) -> str:
    moves = f"the published port moves from {', '.join(event.containers)} to {event.balancer}"
    if event.gap:
        return f"{moves}: connections are refused for about a second in between, because {event.gap}"
    return (
        f"{moves}: a second nginx serves meanwhile; for some seconds, a container with NET_ADMIN in the host's network "
        "redirects new connections to it"
    )


@notice_words.register
def _(event: PortGap) -> str:
    return f"connections are refused until the port has moved: {event.reason}"


@notice_words.register
def _(event: BalancerOutdated) -> str:
    return (
        f"the balancer's image {event.image} is from another version of videa; to change to this version's: "
        "videa init, then videa up --recreate with the balancer's name"
    )


@notice_words.register
def _(event: OwnFilesRefused) -> str:
    return f"nginx refuses your own file {'; '.join(event.files)}; it is left out: correct it, then videa up"


@notice_words.register
def _(event: EdgeLeftOut) -> str:
    return f"{event.edge} on {event.node} is left out: {event.reason}; it gets the configuration when it returns"


@notice_words.register
def _(event: EdgeLeaves) -> str:
    return f"{event.edge} stops at the end: clients must connect to other nodes than {event.node}"


@notice_words.register
def _(event: EdgeReturned) -> str:
    return f"{event.edge} has the present configuration again"


@notice_words.register
def _(event: PoolsUnchecked) -> str:
    return f"the connection pools are not checked against PostgreSQL: {event.reason}"


@notice_words.register
def _(event: LockAwaited) -> str:
    return f"{event.reason}; waiting for it, at most {event.seconds:g} s"


@notice_words.register
def _(event: ProbedByConnect) -> str:
    return BY_CONNECT


@notice_words.register
def _(event: ShellOnly) -> str:
    return (
        f"{', '.join(event.variables)} is set only in your shell: `docker compose up -d` in another shell would "
        "recreate the replicas; to avoid this, add it to .env if a secret may be stored there"
    )


@notice_words.register
def _(event: VariableShared) -> str:
    return (
        f"{', '.join(event.services)} also uses {event.variable} and keeps its old value: the next `docker compose up "
        "-d` will recreate it; to update it with each deploy, add it to x-videa.also"
    )


@notice_words.register
def _(event: ReplicasFixed) -> str:
    return (
        f"the Compose file sets {event.replicas} replicas, and `docker compose up -d` will return to that number; to "
        f"let videa record the new one, write `replicas: ${{{event.variable}:-{event.replicas}}}` there"
    )


@notice_words.register
def _(event: RequestsCut) -> str:
    return f"after {event.seconds:g} s, {event.workers} old nginx workers still have requests, which are cut now"


@notice_words.register
def _(event: ReplicaEjected) -> str:
    return f"{event.replica} removed from the balancer: {event.reason}"


@notice_words.register
def _(event: ReplicaReturned) -> str:
    return f"{event.replica} returned to the balancer"


@notice_words.register
def _(event: RoundSkipped) -> str:
    return f"round skipped: {event.reason}"


@notice_words.register
def _(event: AutoscaleDecided) -> str:
    would = " would be scaled" if event.dry_run else ""
    return f"{event.service}{would}: {event.now} -> {replicas(event.desired)}; {event.reason}"


@notice_words.register
def _(event: AutoscaleLimited) -> str:
    return f"{event.service} stays at {replicas(event.now)}: {event.reason}"


@notice_words.register
def _(event: AutoscaleSkipped) -> str:
    return f"autoscale{f' of {event.service}' if event.service else ''} waits: {event.reason}"


@notice_words.register
def _(event: DriftRepaired) -> str:
    return f"the balancer's configuration was repaired: {'; '.join(event.differences)}"


@notice_words.register
def _(event: NotServing) -> str:
    return f"{event.replica} does not serve: {event.reason}; {event.fix}"


@notice_words.register
def _(event: ReplicaLeftOut) -> str:
    return (
        f"{event.replica} gets no requests: its release, {event.release or 'without a name'}, is not the one of the "
        "replicas that do; to roll a release out: videa deploy"
    )


@notice_words.register
def _(event: CertificateRenewed) -> str:
    return f"{event.domain} has a new certificate of {event.issuer}, valid until {day(event.not_after)} UTC"


@notice_words.register
def _(event: CertificateFailed) -> str:
    return f"no certificate for {event.domain}: {event.reason}; next try after {day(event.retry_at)} UTC"


@notice_words.register
def _(event: AgentStarted) -> str:
    return f"the agent of videa {event.version} looks after {event.project}"


@notice_words.register
def _(event: DutyFailed) -> str:
    return f"{event.duty} failed, and will be tried again: {event.reason}"


@notice_words.register
def _(event: JobRevived) -> str:
    return f"{event.job} was killed before `{event.command}` had ended; started again"


@notice_words.register
def _(event: NotificationDelayed) -> str:
    return f"{event.target} was not notified: {event.reason}; it will be tried again"
