#!/bin/bash
# Like the official image: the first start creates the cluster, the role and the database; then the command runs.
set -euo pipefail

# A first start that is killed leaves nothing that looks like a cluster, because it works in a separate folder.
new=$PGDATA/.initialising

create_cluster() {
    local user=${POSTGRES_USER:-postgres} database=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "POSTGRES_PASSWORD is not set: the superuser needs a password on the first start" >&2
        exit 1
    fi
    rm -rf "$new"
    local -a options=()
    read -ra options <<<"${POSTGRES_INITDB_ARGS:-}"
    initdb --pgdata="$new" --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256 "${options[@]}"
    printf 'host all all all scram-sha-256\n' >>"$new/pg_hba.conf"
    # Not reachable from outside until it is complete, so that no client uses it too early.
    pg_ctl --pgdata="$new" --wait --silent -o "-c listen_addresses='' -c unix_socket_directories='$new'" start
    if [ "$database" != postgres ]; then
        psql --quiet --no-psqlrc --host="$new" --username="$user" --dbname=postgres --set=name="$database" \
            <<<'CREATE DATABASE :"name";'
    fi
    pg_ctl --pgdata="$new" --wait --silent --mode=fast stop
    touch "$new/.complete"
}

move_into_place() {
    find "$new" -mindepth 1 -maxdepth 1 ! -name .complete ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
    mv "$new/PG_VERSION" "$PGDATA"
    rm -rf "$new"
}

[ "${1:0:1}" = - ] && set -- postgres "$@"
if [ "$1" = postgres ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        [ -e "$new/.complete" ] || create_cluster
        move_into_place
    fi
fi
exec "$@"
