"""More queries to PostgreSQL: what stops writes, holds locks without a session, or fills the volume.

Each returns one JSON object, as in ``postgres_sql``.
"""

from __future__ import annotations

READ_ONLY = """
SELECT /* videa-doctor */ json_build_object('read_only', coalesce(json_agg(place), '[]')) FROM (
  SELECT source AS place FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'
    AND source IN ('command line', 'configuration file', 'environment variable')
  UNION ALL
  SELECT CASE WHEN setrole = 0 THEN 'DATABASE ' || quote_ident(d.datname)
    ELSE 'ROLE ' || quote_ident(r.rolname) || coalesce(' IN DATABASE ' || quote_ident(d.datname), '') END
  FROM pg_db_role_setting LEFT JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase
  WHERE coalesce(d.datname, current_database()) = current_database() AND EXISTS (
    SELECT FROM unnest(setconfig) c WHERE lower(c) ~ '^default_transaction_read_only=(on|true|t|yes|y|1)$')) t;
"""
"""Runs before GUARD, which would hide the server's own value."""

GUARD = """
SELECT /* videa-doctor */ json_build_object('guarded', set_config('default_transaction_read_only', 'on', false));
"""
"""Makes all later statements of the session read-only."""

PREPARED = """
SELECT /* videa-doctor */ json_build_object('prepared', coalesce(json_agg(json_build_object(
  'gid', gid, 'owner', owner, 'database', database, 'age', extract(epoch FROM clock_timestamp() - prepared),
  'blocks', (SELECT coalesce(json_agg(DISTINCT w.pid), '[]') FROM pg_locks h JOIN pg_locks w ON NOT w.granted
    AND (w.locktype, w.database, w.relation, w.page, w.tuple, w.transactionid, w.classid, w.objid, w.objsubid)
      IS NOT DISTINCT FROM
      (h.locktype, h.database, h.relation, h.page, h.tuple, h.transactionid, h.classid, h.objid, h.objsubid)
    WHERE h.granted AND h.pid IS NULL AND h.virtualtransaction IN (
      SELECT virtualtransaction FROM pg_locks WHERE pid IS NULL AND transactionid = transaction)))
  ORDER BY prepared), '[]'))
FROM pg_prepared_xacts;
"""
"""A prepared transaction has no session: its locks share a virtual transaction with the lock on its transaction id."""

RECOVERED = """
SELECT /* videa-doctor */ json_build_object('recovered', (
  SELECT extract(epoch FROM clock_timestamp() - max(backend_start)) FROM pg_stat_activity
  WHERE backend_type = 'checkpointer' AND backend_start - pg_postmaster_start_time() > interval '10 s'));
"""
"""After a backend crashes, the server ends all other backends and restarts its checkpointer, but not itself."""

ARCHIVER = """
SELECT /* videa-doctor */ json_build_object('archiver', (SELECT json_build_object(
  'on', current_setting('archive_mode') <> 'off',
  'command', left(coalesce(nullif(current_setting('archive_library', true), ''),
    nullif(current_setting('archive_command'), '(disabled)'), ''), 200),
  'archived', archived_count, 'failed', failed_count,
  'archived_age', extract(epoch FROM clock_timestamp() - last_archived_time),
  'failed_age', extract(epoch FROM clock_timestamp() - last_failed_time), 'failed_wal', coalesce(last_failed_wal, ''))
  FROM pg_stat_archiver));
"""

WAL = """
SELECT /* videa-doctor */ json_build_object('wal', json_build_object(
  'size', (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir()),
  'most', pg_size_bytes(current_setting('max_wal_size')),
  'keep', coalesce(pg_size_bytes(current_setting('wal_keep_size', true)), 0),
  'waiting', (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')));
"""
"""Only for superusers and members of pg_monitor."""

VOLUME = r"""\! df -Pk "${PGDATA:-/var/lib/postgresql/data}" | awk 'END{printf "{\"volume\": {\"size\": %.0f, \"free\": %.0f}}\n", ($3+$4)*1024, $4*1024}'"""  # noqa: E501
"""For psql only: the server itself does not report the free space of its volume."""

CONDITION = """
SELECT /* videa-doctor */ json_build_object(
  'settings', (SELECT json_agg(json_build_object('name', name, 'value', setting, 'source', source))
    FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'autovacuum', 'track_counts', 'zero_damaged_pages',
      'ignore_checksum_failure', 'synchronous_standby_names', 'listen_addresses')),
  'roles', (SELECT coalesce(json_agg(json_build_object('name', rolname, 'login', rolcanlogin, 'limit', rolconnlimit,
      'expired', coalesce(rolvaliduntil < now(), false))), '[]')
    FROM pg_roles WHERE NOT rolsuper AND (rolvaliduntil < now() OR rolconnlimit >= 0
      OR EXISTS (SELECT FROM pg_stat_activity WHERE usesysid = pg_roles.oid))),
  'database', (SELECT json_build_object('name', datname, 'limit', datconnlimit)
    FROM pg_database WHERE datname = current_database()),
  'damage', (SELECT json_build_object('failures', coalesce(sum((to_jsonb(d) ->> 'checksum_failures')::bigint), 0),
      'age', extract(epoch FROM now() - max((to_jsonb(d) ->> 'checksum_last_failure')::timestamptz)))
    FROM pg_stat_database d));
"""
"""The checksum columns were added in PostgreSQL 12: read as JSON, they are simply missing on older servers."""

FILE_ERRORS = """
SELECT /* videa-doctor */ json_build_object('file_errors', coalesce(json_agg(json_build_object(
  'file', sourcefile, 'line', sourceline, 'name', coalesce(name, ''), 'error', error)), '[]'))
FROM pg_file_settings WHERE error <> 'setting could not be applied';
"""
"""Settings that a reload skips and a start rejects, without those that only take effect at a start. For superusers."""

COLLATION = """
SELECT /* videa-doctor */ json_build_object('collations', coalesce(json_agg(json_build_object(
  'name', name, 'database', alone, 'recorded', recorded, 'actual', actual)), '[]')) FROM (
  SELECT quote_ident(datname) AS name, true AS alone, datcollversion AS recorded,
    pg_database_collation_actual_version(oid) AS actual FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT oid::regcollation::text, false, collversion, pg_collation_actual_version(oid) FROM pg_collation
  WHERE collversion IS NOT NULL AND EXISTS (SELECT FROM pg_attribute a JOIN pg_index i ON i.indexrelid = a.attrelid
    WHERE a.attcollation = pg_collation.oid)) t
WHERE recorded <> actual;
"""
"""Needs PostgreSQL 15. Only collations that indexes use."""
