"""All thresholds of the doctor. The origin of a threshold is in its check's ``source``."""

from __future__ import annotations

from msgspec import Struct

MIB = 1 << 20


class Limits(Struct, frozen=True):
    """Ages and times in seconds, shares 0..1, sizes in bytes, rates per minute. Tests pass smaller ones."""

    pg_connections_warn: float = 0.80
    pg_connections_fail: float = 1.0
    pg_idle_in_tx_warn: float = 60
    pg_idle_in_tx_fail: float = 300
    pg_long_query: float = 60
    pg_blocked_warn: float = 5
    pg_blocked_fail: float = 30
    pg_lock_held: float = 10
    pg_locktable: float = 0.20
    pg_deadlocks: float = 5
    pg_rollbacks: float = 0.10
    pg_rollbacks_least: float = 20
    pg_cache_hit: float = 0.99
    pg_reads_least: float = 10_000
    pg_slow_ms: float = 20
    pg_slow_calls: int = 100
    pg_outlier: float = 0.33
    pg_outlier_least: float = 60
    pg_dead_tuples: int = 10_000
    pg_dead_share: float = 0.10
    pg_vacuum_age: float = 10 * 86400
    pg_vacuum_dead: int = 1000
    pg_xids_left: int = 10_000_000
    pg_sequence: float = 0.90
    pg_checkpoints: float = 0.5
    pg_checkpoints_least: float = 10
    pg_replica_lag: float = 5
    pg_restarted: float = 60
    pg_first_start: float = 60
    pg_crashed_warn: float = 3600
    pg_crashed_fail: float = 300
    pg_wal: float = 2
    pg_slot_lag: float = 1024 * MIB
    fill_window: float = 12 * 3600
    fill_samples: int = 6
    fill_least: float = 3600
    fill_growth: float = 64 * MIB
    fill_warn: float = 24 * 3600
    fill_fail: float = 4 * 3600
    volume_free: float = 0.10
    log_size: float = 1024 * MIB
    pids_warn: float = 0.90
    redis_memory: float = 0.90
    redis_clients: float = 0.90
    redis_rejected: float = 5
    redis_small: float = 5 * MIB
    redis_frag: float = 1.4
    redis_frag_bytes: float = 10 * MIB
    redis_peak: float = 1.5
    redis_buffer: float = 200 * 1024
    redis_fork_rate: float = 10e9
    redis_fork_least: float = 0.1
    redis_slowlog: float = 2
    redis_slots: int = 16384
    start_time: float = 30
    restarts: int = 3
    restart_window: float = 900
    oom_age: float = 86400
    memory_warn: float = 0.80
    memory_fail: float = 0.95
    cpu: float = 0.80
    throttled: float = 0.25
    disk_free: float = 0.10
    inodes_free: float = 0.10
    host_memory_free: float = 0.10
    clock_warn: float = 1
    clock_fail: float = 5
    engine_minimum: tuple[int, int] = (20, 10)
    nginx_minimum: tuple[int, int] = (1, 28)
    lb_errors: float = 0.05
    lb_p99: float = 3
    lb_connections_warn: float = 0.80
    lb_connections_fail: float = 0.98
    lb_full_warn: float = 0.80
    lb_full_fail: float = 0.98
    lb_limited: float = 0.5
    lb_least: int = 20
    lb_ejections: int = 3
    lb_slow_factor: float = 3
    lb_slow_gap: float = 0.1
    lb_one_client: float = 0.9
    lb_one_client_least: int = 100
    tls_warn: float = 20 * 86400
    tls_fail: float = 3 * 86400
    tls_overdue: float = 86400
    swarm_rejected: float = 3600
    swarm_root_warn: float = 90 * 86400
    swarm_root_fail: float = 14 * 86400
    app_errors_warn: float = 0.01
    app_errors_fail: float = 0.05
    app_least: int = 100
    leak_samples: int = 20
    leak_warm_up: float = 60
    leak_growth: float = 8 * MIB
    leak_horizon: float = 86400
    capacity_cpu: float = 0.80
