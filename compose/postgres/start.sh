#!/bin/bash
# Starts PostgreSQL by the image's own entrypoint and makes the backend's role as soon as it answers, on new volumes and on
# those of before. The healthcheck waits for the role.   POSTGRES_USER, _DB, BACKEND_ROLE, BACKEND_PASSWORD.
set -euo pipefail

: "${BACKEND_ROLE:?}" "${BACKEND_PASSWORD:?}"

rm -f /run/postgresql/.role

make_role() {
    # Over TCP: the server of the first start, which only initialises, listens on its socket alone.
    until pg_isready --quiet --host=127.0.0.1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB"; do sleep 0.1; done
    until psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --single-transaction --output=/dev/null \
        --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --file=/usr/local/share/videa/role.sql; do
        sleep 1
    done
    touch /run/postgresql/.role
}

# Not a child of PostgreSQL, which expects none that it did not start: of the init process (`init: true`).
(make_role &)
exec docker-entrypoint.sh "$@"
