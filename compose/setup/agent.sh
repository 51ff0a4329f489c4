#!/usr/bin/env bash
# Adds to .env what the container `agent` needs: its profile, and the group of the engine's socket. To do without the agent,
# take it out of COMPOSE_PROFILES; an existing line is never changed.
. "$(dirname "$0")/step.sh"
. compose/setup/dotenv.sh

DEFAULT=/var/run/docker.sock

# The socket of the engine that the docker command uses; "" if the engine is on another machine.
socket() {
    local host=${DOCKER_HOST:-}
    [ -n "$host" ] || host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || host=unix://$DEFAULT
    [[ "$host" != unix://* ]] || echo "${host#unix://}"
}

write_env() {
    [ "$1" = "$DEFAULT" ] || env_add DOCKER_SOCKET "$1"
    env_add DOCKER_GID "$(stat --dereference --format %g "$1")"
    env_add COMPOSE_PROFILES agent
}

path=$(socket)
if env_has COMPOSE_PROFILES && env_has DOCKER_GID; then
    skipped agent "the agent's settings" "COMPOSE_PROFILES=$(env_get COMPOSE_PROFILES)"
elif [ -S "$path" ]; then
    step agent "adding the agent's settings to .env" write_env "$path"
else
    skipped agent "the agent" "it needs the socket of an engine on this machine"
fi
