"""The agent's metrics as Prometheus text."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from ops.metrics.figures import Counts, Figures
from ops.rollout.under_way import Phase

CONTENT_TYPE = CONTENT_TYPE_LATEST


def text(figures: Figures, counts: Counts, version: str) -> bytes:
    """All metrics. ``version``: of videa."""
    registry = CollectorRegistry()
    registry.register(_Once(figures, counts, version))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, figures: Figures, counts: Counts, version: str) -> None:
        self._figures, self._counts, self._version = figures, counts, version

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("videa_agent_info", "Project and version of videa", labels=("project", "version"))
        info.add_metric((self._figures.project, self._version), 1)
        yield info
        yield from self._replicas()
        yield from self._autoscaling()
        yield from self._operation()
        yield from self._notifications()

    def _replicas(self) -> Iterator[Metric]:
        number = GaugeMetricFamily("videa_replicas", "Replicas by state of the container", labels=("service", "state"))
        serving = GaugeMetricFamily("videa_replicas_in_balancer", "Replicas that get requests", labels=("service",))
        out = GaugeMetricFamily("videa_replicas_out", "Replicas that the health checks took out", labels=("service",))
        for name, service in self._figures.services.items():
            states = [replica.state for replica in service.replicas]
            for state in sorted({*states, "running"}):
                number.add_metric((name, state), states.count(state))
            names = {replica.name for replica in service.replicas}
            if not service.worker:
                serving.add_metric((name,), len(names & service.listed))
            out.add_metric((name,), len(names & self._figures.ejected))
        yield from (number, serving, out)
        changes = CounterMetricFamily(
            "videa_balancer_changes",
            "Changes by the agent since its start: taken_out, let_back, drift_repaired",
            labels=("kind",),
        )
        for kind in ("taken_out", "let_back", "drift_repaired"):
            changes.add_metric((kind,), self._counts.events[kind])
        failures = CounterMetricFamily("videa_duty_failures", "Duties of the agent that failed", labels=("duty",))
        for duty, count in sorted(self._counts.duties.items()):
            failures.add_metric((duty,), count)
        yield from (changes, failures)

    def _autoscaling(self) -> Iterator[Metric]:
        on = GaugeMetricFamily("videa_autoscale_on", "1 unless it is turned off", labels=("service",))
        desired = GaugeMetricFamily("videa_autoscale_desired_replicas", "Of the last decision", labels=("service",))
        limited = GaugeMetricFamily("videa_autoscale_limited", "1 for what stops a rise", labels=("service", "limit"))
        for service, state in self._figures.autoscaling.items():
            on.add_metric((service,), not state.off)
            desired.add_metric((service,), state.desired)
            if state.limit:
                limited.add_metric((service, state.limit), 1)
        yield from (on, desired, limited)

    def _operation(self) -> Iterator[Metric]:
        phases = GaugeMetricFamily("videa_operation", "1 for the phase of the present operation", labels=("phase",))
        for phase in Phase:
            phases.add_metric(
                (phase.value,), self._figures.operation is not None and self._figures.operation.phase is phase
            )
        yield phases

    def _notifications(self) -> Iterator[Metric]:
        state = self._figures.notifications
        yield GaugeMetricFamily(
            "videa_notifications_queued", "Notifications that a target does not have", len(state.queue)
        )
        delivered = CounterMetricFamily("videa_notifications_delivered", "Delivered", labels=("target",))
        dropped = CounterMetricFamily("videa_notifications_dropped", "Never delivered", labels=("target",))
        tries = GaugeMetricFamily("videa_notification_failed_tries", "Failed tries in a row", labels=("target",))
        for name, target in state.targets.items():
            delivered.add_metric((name,), target.delivered)
            dropped.add_metric((name,), target.dropped)
            tries.add_metric((name,), target.tries)
        yield from (delivered, dropped, tries)
