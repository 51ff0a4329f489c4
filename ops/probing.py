"""Probes replicas for readiness or liveness, each as its release declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ops.balancer.probe import Asked, Target, probe_all
from ops.declared import Declaration
from ops.models import ProbeResult, Replica
from ops.probes import ContainerCheck, Running

SETTLED = 3.0
"""Seconds that a worker without a health check must run to count as ready: one that cannot start exits earlier."""


def ask(
    asked: Mapping[Replica, Sequence[Declaration]],
    gateway: Asked,
    now: Callable[[], float],
    timeout: float,
    live: bool,
    passes: int,
) -> dict[str, list[tuple[Declaration, ProbeResult]]]:
    """Probes every replica as each of its declarations says, in parallel: name -> declarations and results.

    ``gateway``: runs the command that probes; ``now``: the engine's clock; ``timeout``: seconds per probe; ``live``:
    liveness instead of readiness; ``passes``: required consecutive good answers. Raises EngineError, BalancerError.
    """
    targets: dict[str, Target] = {}
    answers: dict[str, ProbeResult] = {}
    for replica, declarations in asked.items():
        for number, declaration in enumerate(declarations):
            probe, key = declaration.probe(live, replica.has_check), f"{replica.name} {number}"
            if isinstance(probe, ContainerCheck):
                answers[key] = _checked(replica, live, probe)
            elif isinstance(probe, Running):
                answers[key] = _runs(replica, live, probe, now)
            else:
                targets[key] = Target(replica.name, probe)
    answers |= probe_all(gateway, targets, timeout, passes) if targets else {}
    return {
        replica.name: [
            (declaration, answers[f"{replica.name} {number}"]) for number, declaration in enumerate(declarations)
        ]
        for replica, declarations in asked.items()
    }


def _runs(replica: Replica, live: bool, probe: Running, now: Callable[[], float]) -> ProbeResult:
    """The result for a replica that cannot be probed in any other way."""
    age = now() - (replica.started or replica.created).timestamp()
    if live or age >= SETTLED:
        return ProbeResult(True, 0, 0.0, "", str(probe))
    return ProbeResult(False, 0, 0.0, f"started less than {SETTLED:g} s ago", str(probe), delay=SETTLED)


def _checked(replica: Replica, live: bool, probe: ContainerCheck) -> ProbeResult:
    """The result of the container's own health check. A replica that is still starting is alive but not ready."""
    ok = replica.health != "unhealthy" if live else replica.health == "healthy"
    reason = "" if ok else " ".join(f"{replica.health} {replica.health_output}".split())
    delay = replica.first_check if replica.health == "starting" else 0.0
    return ProbeResult(ok, 0, 0.0, reason, str(probe), delay=delay)
