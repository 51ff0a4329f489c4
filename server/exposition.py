"""The metrics as Prometheus text, and as JSON with the rates of the last minute."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any

import psutil
from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from server.keys import BACKGROUND, CACHE, DATABASE, LIFECYCLE, LIMITER, METRICS, READS, REDIS, SETTINGS
from server.metrics import BUCKETS, percentile

_PROCESS = psutil.Process()


class _AppCollector(Collector):
    """Reads the application's own counters at the moment of a scrape."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._dependencies()
        yield from self._process()

    def _requests(self) -> Iterator[Metric]:
        metrics = self._app[METRICS]
        yield GaugeMetricFamily("videa_http_requests_in_flight", "Requests being answered now", metrics.in_flight)
        total = CounterMetricFamily("videa_http_requests", "Requests answered", labels=("method", "route", "status"))
        duration = HistogramMetricFamily(
            "videa_http_request_duration_seconds", "Time to answer", labels=("method", "route")
        )
        for (method, route), figures in list(metrics.routes.items()):
            for status, count in sorted(figures.statuses.items()):
                total.add_metric((method, route, str(status)), count)
            seen, buckets = 0, []
            for bound, count in zip((*BUCKETS, "+Inf"), figures.buckets, strict=True):
                seen += count
                buckets.append((str(bound), float(seen)))
            duration.add_metric((method, route), buckets, figures.seconds)
        yield total
        yield duration

    def _dependencies(self) -> Iterator[Metric]:
        database, redis, cache = self._app[DATABASE], self._app[REDIS], self._app[CACHE]
        figures = database.figures
        connections = GaugeMetricFamily("videa_db_connections", "Connections of the pool by state", labels=("state",))
        connections.add_metric(("idle",), database.idle)
        connections.add_metric(("used",), database.size - database.idle)
        yield connections
        yield GaugeMetricFamily("videa_db_pool_limit", "Most connections of the pool", database.limit)
        yield GaugeMetricFamily("videa_db_pool_waiting", "Requests waiting for a connection", database.waiting)
        yield CounterMetricFamily("videa_db_acquired", "Connections handed out", figures.acquired)
        yield CounterMetricFamily("videa_db_pool_timeouts", "Waits that timed out", figures.timeouts)
        yield CounterMetricFamily("videa_db_wait_seconds", "Seconds waited for connections", figures.wait_seconds)
        yield CounterMetricFamily("videa_db_connects", "Connections opened", figures.connects)
        yield CounterMetricFamily(
            "videa_db_connect_failures", "Connections that failed to open", figures.connect_failures
        )
        router = self._app[READS]
        routed = CounterMetricFamily("videa_db_reads", "Reads of the catalogue by server", labels=("server",))
        for server, count in router.reads.items():
            routed.add_metric((server,), count)
        yield routed
        yield CounterMetricFamily("videa_db_replica_fallbacks", "Reads that fell back to the primary", router.fallbacks)
        yield GaugeMetricFamily(
            "videa_db_replica_usable", "1 while reads may use the replica", float(router.replica_usable)
        )
        yield GaugeMetricFamily("videa_redis_up", "1 while Redis is usable", float(redis.up))
        yield CounterMetricFamily("videa_redis_outages", "Times the link to Redis broke", redis.outages)
        yield CounterMetricFamily("videa_redis_commands", "Commands sent to Redis", redis.commands)
        yield CounterMetricFamily("videa_redis_pipelines", "Round trips to Redis", redis.pipelines)
        reads = CounterMetricFamily("videa_cache_reads", "Cache reads by outcome", labels=("outcome",))
        for outcome, count in (("hit", cache.hits), ("miss", cache.misses), ("bypassed", cache.bypassed)):
            reads.add_metric((outcome,), count)
        yield reads
        limiter = self._app[LIMITER]
        refused = CounterMetricFamily("videa_limiter_refused", "Requests refused", labels=("policy",))
        for policy, count in sorted(limiter.refused.items()):
            refused.add_metric((policy,), count)
        yield refused
        yield GaugeMetricFamily(
            "videa_limiter_refused_last_minute", "Requests refused in the last 60 s", limiter.refused_last_minute
        )
        yield CounterMetricFamily("videa_limiter_local_decisions", "Decisions without Redis", limiter.local_decisions)
        mode = GaugeMetricFamily("videa_limiter_mode", "1 for the current mode", labels=("mode",))
        for name in ("shared", "local", "off"):
            mode.add_metric((name,), float(limiter.mode == name))
        yield mode

    def _process(self) -> Iterator[Metric]:
        metrics, settings = self._app[METRICS], self._app[SETTINGS]
        info = GaugeMetricFamily("videa_instance_info", "Instance and release", labels=("instance", "release"))
        info.add_metric((settings.instance_id, settings.release), 1)
        yield info
        failures = CounterMetricFamily("videa_background_failures", "Failures of background tasks", labels=("task",))
        for task, state in self._app[BACKGROUND].tasks.items():
            failures.add_metric((task,), state.failures)
        yield failures
        yield GaugeMetricFamily("videa_draining", "1 while leaving", float(self._app[LIFECYCLE].draining))
        yield GaugeMetricFamily("process_start_time_seconds", "Unix time of the start", metrics.started)
        yield GaugeMetricFamily("process_resident_memory_bytes", "Memory", _PROCESS.memory_info().rss)
        yield GaugeMetricFamily("process_open_fds", "Open file descriptors", _PROCESS.num_fds())
        cpu = _PROCESS.cpu_times()
        yield CounterMetricFamily("process_cpu_seconds", "CPU time", cpu.user + cpu.system)
        collections = CounterMetricFamily("videa_gc_collections", "Garbage collections", labels=("generation",))
        for generation, stats in enumerate(gc.get_stats()):
            collections.add_metric((str(generation),), stats["collections"])
        yield collections
        yield CounterMetricFamily("videa_gc_seconds", "Time spent collecting", metrics.gc_seconds)
        yield GaugeMetricFamily("videa_gc_longest_seconds", "Longest collection", metrics.gc_longest)


def as_text(app: web.Application) -> bytes:
    """Prometheus' text format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_AppCollector(app))
    return generate_latest(registry)


def as_json(app: web.Application) -> dict[str, Any]:
    """Figures for people and tools. Times in milliseconds, rates per second over the last minute."""
    metrics, database, redis, cache = app[METRICS], app[DATABASE], app[REDIS], app[CACHE]
    old, new = metrics.last_minute()
    requests = new.requests - old.requests
    buckets = tuple(after - before for before, after in zip(old.buckets, new.buckets, strict=True))
    span = max(new.at - old.at, 0.001)
    return {
        "instance": app[SETTINGS].instance_id,
        "release": app[SETTINGS].release,
        "uptime_seconds": round(time.time() - metrics.started, 1),
        "in_flight": metrics.in_flight,
        "unanswered_seconds": [round(seconds, 3) for seconds in metrics.unanswered()],
        "requests": {
            "total": new.requests,
            "client_errors": new.client_errors,
            "server_errors": new.server_errors,
        },
        "last_minute": {
            "seconds": round(span, 1),
            "requests": requests,
            "requests_per_second": round(requests / span, 2),
            "client_error_rate": _share(new.client_errors - old.client_errors, requests),
            "server_error_rate": _share(new.server_errors - old.server_errors, requests),
            "average_ms": _ms((new.seconds - old.seconds) / requests if requests else None),
            "p50_ms": _ms(percentile(buckets, 0.50)),
            "p95_ms": _ms(percentile(buckets, 0.95)),
            "p99_ms": _ms(percentile(buckets, 0.99)),
        },
        "routes": [
            {
                "method": method,
                "route": route,
                "count": figures.count,
                "average_ms": _ms(figures.seconds / figures.count),
                "p95_ms": _ms(percentile(figures.buckets, 0.95)),
                "statuses": {str(status): count for status, count in sorted(figures.statuses.items())},
            }
            for (method, route), figures in sorted(metrics.routes.items())
        ],
        "pool": {
            "limit": database.limit,
            "size": database.size,
            "idle": database.idle,
            "waiting": database.waiting,
            "timeouts": database.figures.timeouts,
        },
        "replica": {
            "configured": app[READS].replica is not None,
            "usable": app[READS].replica_usable,
            "reads": app[READS].reads,
            "fallbacks": app[READS].fallbacks,
        },
        "redis": {"up": redis.up, "outages": redis.outages, "pipelines": redis.pipelines},
        "limiter": {
            "mode": app[LIMITER].mode,
            "refused": app[LIMITER].refused,
            "refused_last_minute": app[LIMITER].refused_last_minute,
        },
        "tasks": {name: state.as_dict() for name, state in app[BACKGROUND].tasks.items()},
        "cache": {"hits": cache.hits, "misses": cache.misses, "bypassed": cache.bypassed},
        "memory": {"rss_bytes": _PROCESS.memory_info().rss, "open_fds": _PROCESS.num_fds()},
        "gc": {
            "collections": [stats["collections"] for stats in gc.get_stats()],
            "seconds": round(metrics.gc_seconds, 4),
            "longest_ms": _ms(metrics.gc_longest),
        },
    }


def _share(part: int, total: int) -> float:
    return round(part / total, 5) if total else 0.0


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
