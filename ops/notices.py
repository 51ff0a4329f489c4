"""Notices: what an operation, `videa up` or a watcher reports about the project, apart from its own progress."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class OrphansLeft(msgspec.Struct, frozen=True, tag="orphans_left"):
    """Running ``containers`` belong to no service of the Compose file."""

    containers: tuple[str, ...]


class ServicesChanged(msgspec.Struct, frozen=True, tag="changed_since"):
    """The configuration of running ``services`` differs from the Compose file. They were not recreated."""

    services: tuple[str, ...]


class ReleaseChanged(msgspec.Struct, frozen=True, tag="release_changed"):
    """The scaled service or its image changed after its replicas were started."""


class PortMoves(msgspec.Struct, frozen=True, tag="port_moves"):
    """The port that ``containers`` publish moves to the ``balancer``.

    ``gap``: why connections are refused during the move, "" if a stand-in serves them.
    """

    containers: tuple[str, ...]
    balancer: str
    gap: str = ""


class PortGap(msgspec.Struct, frozen=True, tag="port_gap"):
    """New connections cannot be redirected to a stand-in, so they are refused while a port moves. ``reason``: why."""

    reason: str


class BalancerOutdated(msgspec.Struct, frozen=True, tag="balancer_outdated"):
    """The balancer's ``image`` belongs to another version of videa."""

    image: str


class OwnFilesRefused(msgspec.Struct, frozen=True, tag="own_files_refused"):
    """nginx rejects the user's own ``files``, "NAME: reason". They are left out; everything else is served."""

    files: tuple[str, ...]


class EdgeLeftOut(msgspec.Struct, frozen=True, tag="edge_left_out"):
    """``edge``, one of several nginx instances, is down and missed a change. ``node``: where; ``reason``: one line."""

    edge: str
    node: str
    reason: str


class EdgeLeaves(msgspec.Struct, frozen=True, tag="edge_leaves"):
    """A node that clients connect to is drained. ``edge``: its nginx, which stops last; ``node``: its name."""

    edge: str
    node: str


class EdgeReturned(msgspec.Struct, frozen=True, tag="edge_returned"):
    """``edge``, an nginx that was unreachable or had an older configuration, has the current one."""

    edge: str


class PoolsUnchecked(msgspec.Struct, frozen=True, tag="pools_unchecked"):
    """The connection pools of the replicas are not checked against PostgreSQL. ``reason``: one line."""

    reason: str


class LockAwaited(msgspec.Struct, frozen=True, tag="lock_awaited"):
    """Another operation holds the lock. ``reason``: which one; ``seconds``: how long this operation waits for it."""

    reason: str
    seconds: float


class ProbedByConnect(msgspec.Struct, frozen=True, tag="probed_by_connect"):
    """New replicas are ready when they accept TCP connections: neither the file nor the image declares a probe."""


class ShellOnly(msgspec.Struct, frozen=True, tag="shell_only"):
    """Secret ``variables`` of the Compose file are set only in this shell, so videa does not write them to .env."""

    variables: tuple[str, ...]


class VariableShared(msgspec.Struct, frozen=True, tag="variable_shared"):
    """Other ``services`` also read a ``variable`` that changes. The operation does not recreate them."""

    variable: str
    services: tuple[str, ...]


class ReplicasFixed(msgspec.Struct, frozen=True, tag="replicas_fixed"):
    """The Compose file sets ``replicas`` to a literal; a variable, such as ``variable``, could store another number."""

    replicas: int
    variable: str


class CanaryKey(msgspec.Struct, frozen=True, tag="canary_key"):
    """A canary starts. ``known``: nginx has the project's key, so testers with the key can choose a release."""

    known: bool


class RequestsCut(msgspec.Struct, frozen=True, tag="requests_cut"):
    """After ``seconds``, ``workers`` old nginx workers still have requests, which are aborted now."""

    workers: int
    seconds: float


class ReplicaEjected(msgspec.Struct, frozen=True, tag="taken_out"):
    """The agent or `videa watch` has removed a replica from the balancer. ``reason``: one line."""

    replica: str
    reason: str


class ReplicaReturned(msgspec.Struct, frozen=True, tag="let_back"):
    """An ejected replica was returned to the balancer: by the agent, by `videa watch` or by an operation."""

    replica: str


class RoundSkipped(msgspec.Struct, frozen=True, tag="round_skipped"):
    """Probing the replicas or changing the balancer failed. ``reason``: one line; emitted once until it changes."""

    reason: str


class AutoscaleDecided(msgspec.Struct, frozen=True, tag="autoscale_decided"):
    """A service is scaled from ``now`` to ``desired`` replicas. ``dry_run``: it would be, but nothing is changed."""

    service: str
    now: int
    desired: int
    reason: str
    dry_run: bool


class AutoscaleLimited(msgspec.Struct, frozen=True, tag="autoscale_limited"):
    """The load needs ``asked`` replicas, but the database or the machine allows no more than ``now``."""

    service: str
    now: int
    asked: int
    reason: str


class AutoscaleSkipped(msgspec.Struct, frozen=True, tag="autoscale_skipped"):
    """There is no decision for a ``service``, or for all services if it is empty. ``reason``: one line."""

    service: str
    reason: str


class DriftRepaired(msgspec.Struct, frozen=True, tag="drift_repaired"):
    """The balancer's configuration was wrong because somebody changed the stack without videa; it has been rewritten.

    ``differences``: what was wrong, one line each.
    """

    differences: tuple[str, ...]


class ReplicaLeftOut(msgspec.Struct, frozen=True, tag="left_out"):
    """A running replica gets no requests: it was started without videa and belongs to another ``release``."""

    replica: str
    release: str


class NotServing(msgspec.Struct, frozen=True, tag="not_serving"):
    """An operation has ended, and a ``replica`` that it did not touch does not serve. ``reason``: one line.

    ``fix``: what to do.
    """

    replica: str
    reason: str
    fix: str


class CertificateRenewed(msgspec.Struct, frozen=True, tag="certificate_renewed"):
    """nginx serves a new certificate for ``domain``. ``not_after``: Unix time."""

    domain: str
    issuer: str
    not_after: float


class CertificateFailed(msgspec.Struct, frozen=True, tag="certificate_failed"):
    """The renewal for ``domain`` failed; nginx still serves the previous certificate. ``reason``: one line.

    ``retry_at``: Unix time of the next try.
    """

    domain: str
    reason: str
    retry_at: float


class AgentStarted(msgspec.Struct, frozen=True, tag="agent_started"):
    """The agent manages the ``project`` from now on. ``version``: of videa."""

    project: str
    version: str


class DutyFailed(msgspec.Struct, frozen=True, tag="duty_failed"):
    """A duty of the agent failed and will be retried. ``reason``: one line; emitted once until it changes."""

    duty: str
    reason: str


class JobRevived(msgspec.Struct, frozen=True, tag="job_revived"):
    """The agent has restarted a ``job`` that was killed before the end of its operation, ``command``."""

    job: str
    command: str


class NotificationDelayed(msgspec.Struct, frozen=True, tag="notification_delayed"):
    """A ``target`` of x-videa.notify did not accept a notification; videa retries. Emitted once per ``reason``."""

    target: str
    reason: str


Notice: TypeAlias = (
    OrphansLeft
    | ServicesChanged
    | ReleaseChanged
    | BalancerOutdated
    | OwnFilesRefused
    | EdgeLeftOut
    | EdgeLeaves
    | EdgeReturned
    | PortMoves
    | PortGap
    | PoolsUnchecked
    | LockAwaited
    | ProbedByConnect
    | ShellOnly
    | VariableShared
    | ReplicasFixed
    | CanaryKey
    | RequestsCut
    | ReplicaEjected
    | ReplicaReturned
    | RoundSkipped
    | AutoscaleDecided
    | AutoscaleLimited
    | AutoscaleSkipped
    | DriftRepaired
    | ReplicaLeftOut
    | NotServing
    | CertificateRenewed
    | CertificateFailed
    | AgentStarted
    | DutyFailed
    | JobRevived
    | NotificationDelayed
)
