#!/bin/sh
# Starts Redis by the image's own entrypoint with two users: the backend's, which has its own keys and no command that
# manages the server, and the operator's, for whoever may enter the container (redis-cli takes REDISCLI_AUTH by itself).
# The passwords come on standard input, never as arguments, and are not written anywhere.
set -eu
: "${REDIS_PASSWORD:?}" "${REDISCLI_AUTH:?}"

[ "${1:-}" != redis-server ] || shift
exec docker-entrypoint.sh redis-server - "$@" <<END
user default on >$REDISCLI_AUTH ~* &* +@all
user videa on >$REDIS_PASSWORD ~videa:* resetchannels +@all -@admin -@dangerous +info +cluster|slots
masterauth $REDISCLI_AUTH
END
