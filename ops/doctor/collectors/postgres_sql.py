"""The queries to PostgreSQL, in sections. Each returns one JSON object; a failed section does not affect others.

Sections that depend on the version (a view moved in PostgreSQL 17) or need an extension are selected on the server.
Rows that the role may not see (without pg_read_all_stats, the state of other roles' sessions) are counted.
"""

from __future__ import annotations

from ops.doctor.collectors.postgres_state import (
    ARCHIVER,
    COLLATION,
    CONDITION,
    FILE_ERRORS,
    GUARD,
    PREPARED,
    READ_ONLY,
    RECOVERED,
    VOLUME,
    WAL,
)

GAP = 1
"""Seconds between the two samples of the counters."""

_SERVER = """
SELECT /* videa-doctor */ json_build_object('server', json_build_object(
  'version', current_setting('server_version_num')::int,
  'uptime', extract(epoch FROM now() - pg_postmaster_start_time()),
  'max_connections', current_setting('max_connections')::int,
  'reserved', current_setting('superuser_reserved_connections')::int
              + coalesce(current_setting('reserved_connections', true), '0')::int,
  'lock_slots', current_setting('max_locks_per_transaction')::int
              * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int),
  'locks', (SELECT count(*) FROM pg_locks WHERE NOT fastpath),
  'xids_left', (SELECT 2147483647 - max(age(datfrozenxid)) - CASE
    WHEN current_setting('server_version_num')::int >= 140000 THEN 3000000 ELSE 1000000 END FROM pg_database),
  'role', quote_ident(current_user),
  'in_recovery', pg_is_in_recovery(),
  'wal_written', CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') END,
  'wal_between', pg_size_bytes(current_setting('max_wal_size'))
                / (1 + current_setting('checkpoint_completion_target')::float),
  'replay_age', CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
                ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END
));
"""

_SESSIONS = """
SELECT /* videa-doctor */ json_build_object(
  'hidden', count(*) FILTER (WHERE datid IS NOT NULL AND usesysid IS NOT NULL AND backend_type IS NULL),
  'sessions', coalesce(json_agg(json_build_object(
  'pid', pid,
  'user', coalesce(usename, ''),
  'application', application_name,
  'client', coalesce(host(client_addr), ''),
  'state', coalesce(state, ''),
  'kind', coalesce(backend_type, ''),
  'wait', coalesce(wait_event_type || ':' || wait_event, ''),
  'query', left(coalesce(query, ''), 400),
  'state_age', extract(epoch FROM clock_timestamp() - state_change),
  'xact_age', extract(epoch FROM clock_timestamp() - xact_start),
  'query_age', extract(epoch FROM clock_timestamp() - query_start),
  'blocked_by', CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END
)), '[]')) FROM pg_stat_activity WHERE pid <> pg_backend_pid();
"""

_COUNTERS = """
SELECT /* videa-doctor */ json_build_object('%s', json_build_object(
  'deadlocks', deadlocks, 'commits', xact_commit, 'rollbacks', xact_rollback, 'hits', blks_hit, 'reads', blks_read,
  'checkpoints_timed', {timed}, 'checkpoints_requested', {requested}
)) FROM pg_stat_database, {view} WHERE datname = current_database();
"""

_TABLES = """
SELECT /* videa-doctor */ json_build_object('tables', coalesce(jsonb_agg(t), '[]')) FROM (
  SELECT quote_ident(schemaname) || '.' || quote_ident(relname) AS name, n_live_tup AS live, n_dead_tup AS dead,
    extract(epoch FROM now() - greatest(last_autovacuum, last_vacuum)) AS vacuum_age
  FROM pg_stat_user_tables WHERE n_dead_tup > 0 ORDER BY n_dead_tup DESC LIMIT 50) t;
"""

_SEQUENCES = """
SELECT /* videa-doctor */ json_build_object('sequences', coalesce(jsonb_agg(t), '[]'), 'hidden_sequences',
  (SELECT count(*) FROM pg_class WHERE NOT pg_is_other_temp_schema(relnamespace)
    AND CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(oid, 'SELECT,USAGE') END)) FROM (
  SELECT quote_ident(s.schemaname) || '.' || quote_ident(s.sequencename) AS name, s.last_value AS last,
    least(s.max_value, CASE y.typname WHEN 'int2' THEN 32767 WHEN 'int4' THEN 2147483647 ELSE s.max_value END) AS most,
    CASE WHEN y.typname IN ('int2', 'int4') THEN a.attrelid::regclass || '.' || quote_ident(a.attname) ELSE '' END
      AS column
  FROM pg_sequences s
    JOIN pg_namespace n ON n.nspname = s.schemaname
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
    LEFT JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    LEFT JOIN pg_type y ON y.oid = a.atttypid
  WHERE s.last_value IS NOT NULL AND s.increment_by > 0 AND NOT s.cycle
  ORDER BY s.last_value::numeric / s.max_value DESC LIMIT 50) t;
"""

_INDEXES = """
SELECT /* videa-doctor */ json_build_object('bad_indexes', coalesce(jsonb_agg(t), '[]')) FROM (
  SELECT indexrelid::regclass::text AS name, indrelid::regclass::text AS table, 'invalid' AS problem, '' AS twin
  FROM pg_index WHERE NOT indisvalid
    AND indexrelid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)
  UNION ALL
  SELECT (array_agg(name ORDER BY needed, name DESC))[1], indrelid::regclass::text, 'duplicate',
    (array_agg(name ORDER BY needed DESC, name))[1]
  FROM (SELECT *, indexrelid::regclass::text AS name, indisreplident
      OR EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) AS needed FROM pg_index) i
  WHERE indisvalid
  GROUP BY indrelid, indkey::text, indclass::text, indcollation::text, indoption::text, indisunique,
    coalesce(indexprs::text, ''), coalesce(indpred::text, '')
  HAVING count(*) > 1 AND NOT bool_and(needed)) t;
"""
"""Of identical indexes, one that no constraint needs should be dropped."""

_REPLICATION = """
SELECT /* videa-doctor */ json_build_object(
  'slots', (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'active', active, 'retained',
      CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END)), '[]')
    FROM pg_replication_slots WHERE NOT temporary),
  'standbys', (SELECT CASE WHEN bool_and(state IS NOT NULL) IS NOT false THEN coalesce(json_agg(json_build_object(
      'name', application_name, 'state', state, 'lag', coalesce(extract(epoch FROM replay_lag), 0),
      'awaited', coalesce(sync_state, 'async') <> 'async')), '[]') END
    FROM pg_stat_replication));
"""

_STATEMENTS = """
SELECT /* videa-doctor */ json_build_object('statements', coalesce(jsonb_agg(t), '[]')) FROM (
  SELECT calls, mean_exec_time AS mean_ms, total_exec_time AS total_ms, left(query, 400) AS query,
    total_exec_time / nullif(sum(total_exec_time) OVER (), 0) AS share
  FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND query NOT LIKE '%videa-doctor%'
  ORDER BY total_exec_time DESC LIMIT 20) t;
"""


def _counters(name: str) -> tuple[tuple[str, str], ...]:
    old = _COUNTERS.format(timed="checkpoints_timed", requested="checkpoints_req", view="pg_stat_bgwriter")
    new = _COUNTERS.format(timed="num_timed", requested="num_requested", view="pg_stat_checkpointer")
    return (MOVED, new % name), (NOT_MOVED, old % name)


ALWAYS, MOVED, NOT_MOVED, STATEMENTS, PAUSE = "always", "moved", "not moved", "statements", "pause"

ABOUT = """SELECT current_setting('server_version_num')::int >= 170000 AS moved,
  to_regclass('pg_stat_statements') IS NOT NULL AS statements"""
"""Returns the values for the conditions of PLAN."""

PLAN: tuple[tuple[str, str], ...] = (
    (ALWAYS, READ_ONLY),
    (ALWAYS, GUARD),
    (ALWAYS, _SERVER),
    (ALWAYS, _SESSIONS),
    (ALWAYS, PREPARED),
    *_counters("earlier"),
    (PAUSE, ""),
    *_counters("counters"),
    (ALWAYS, _TABLES),
    (ALWAYS, _SEQUENCES),
    (ALWAYS, _INDEXES),
    (ALWAYS, _REPLICATION),
    (ALWAYS, RECOVERED),
    (ALWAYS, ARCHIVER),
    (ALWAYS, WAL),
    (ALWAYS, CONDITION),
    (ALWAYS, FILE_ERRORS),
    (ALWAYS, COLLATION),
    (STATEMENTS, _STATEMENTS),
)
"""(condition, statement) in order. Every statement has a marker, so that the doctor does not count its own ones."""

_IN_PSQL = {
    ALWAYS: "{}",
    MOVED: "\\if :moved\n{}\n\\endif",
    NOT_MOVED: "\\if :moved\n\\else\n{}\n\\endif",
    STATEMENTS: "\\if :statements\n{}\n\\endif",
    PAUSE: f"\\! sleep {GAP}",
}

BATCH = "\n".join((f"{ABOUT} \\gset", *(_IN_PSQL[when].replace("{}", sql) for when, sql in PLAN), VOLUME))
"""PLAN for psql's standard input."""

SESSIONS = GUARD + _SERVER + _SESSIONS
"""Sessions and the maximum number of connections, for psql's standard input. Without a second sample and its pause."""
