#!/bin/bash
# The first start copies the primary; then the command runs as a standby. PRIMARY_HOST, _USER, _DATABASE, _PASSWORD.
set -euo pipefail
PGDATA=${PGDATA:-/var/lib/postgresql/data}
slot=videa_read_replica
new=$PGDATA/.copying

# primary COMMAND...   runs a client of the primary.
primary() {
    PGHOST=$PRIMARY_HOST PGUSER=$PRIMARY_USER PGDATABASE=$PRIMARY_DATABASE PGPASSWORD=$PRIMARY_PASSWORD "$@"
}

# The official image's pg_hba.conf does not allow replication. The primary's superuser adds the missing line.
allow_replication() {
    primary psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 <<'SQL'
COPY (SELECT 'host replication videa all scram-sha-256')
    TO PROGRAM 'read line; grep -qxF "$line" "$PGDATA/pg_hba.conf" || echo "$line" >> "$PGDATA/pg_hba.conf"';
SELECT pg_reload_conf() \g /dev/null
-- A replica that is gone for good must not fill the primary's disk.
ALTER SYSTEM SET max_slot_wal_keep_size = '1GB';
SQL
}

copy_primary() {
    rm -rf "$new"
    primary psql --quiet --no-psqlrc --tuples-only --set=slot="$slot" >/dev/null <<'SQL'
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :'slot' AND NOT active;
SQL
    primary pg_basebackup --pgdata="$new" --write-recovery-conf --create-slot --slot="$slot" --checkpoint=fast --wal-method=stream
    find "$new" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
    mv "$new/PG_VERSION" "$PGDATA"
    rmdir "$new"
}

mkdir -p "$PGDATA"
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    allow_replication
    # Leftovers of a copy that was killed.
    find "$PGDATA" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    copy_primary
fi
unset PRIMARY_PASSWORD
exec "$@"
