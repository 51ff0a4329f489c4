#!/usr/bin/env bash
# Pulls and builds the images of the stack, or builds all of them from Debian packages if no registry answers.
. "$(dirname "$0")/step.sh"
. ops/balancer/base/debian.sh
. compose/setup/dotenv.sh

STAMP=.videa/images
OFFLINE=docker-compose.yml:compose/offline.yml
# Always builds the working copy, even if another release is deployed. Without attestations, which contain a time stamp: with
# it, the same content would give another image each time.
export BACKEND_IMAGE=videa-backend:dev NGINX_IMAGE=videa-nginx:dev AGENT_IMAGE=videa-agent:dev DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1

files() { echo "${COMPOSE_FILE:-$(env_get COMPOSE_FILE)}"; }
is_offline() { [[ "$(files)" == *compose/offline.yml* ]]; }
present() { docker image inspect "$@" >/dev/null 2>&1; }

# The inputs of the images, and the ids that the engine has: if the text is the same, there is nothing to do.
state() {
    find server ops videa_cli compose/images compose/offline.yml docker-compose.yml pyproject.toml \
        -type f ! -path '*/__pycache__/*' -print0 | sort -z | xargs -0 sha256sum
    docker compose config --images | sort | xargs docker image inspect --format '{{.Id}}'
}
up_to_date() { [ -s "$STAMP" ] && state 2>/dev/null | cmp -s - "$STAMP"; }

official_images() {
    sed -nE 's/^ARG [A-Z]+_BASE=//p' compose/images/backend.Dockerfile ops/balancer/image/Dockerfile
    COMPOSE_FILE=docker-compose.yml docker compose config --images | grep -v '^videa-'
}

# One short try with an image that is needed anyway. The engine pulls, because its proxy and mirrors matter, not this shell's;
# it prints "Pulling from" as soon as the registry has answered.
registry_answers() {
    local image=$1 output attempt
    output=$(mktemp)
    docker pull "$image" >"$output" 2>&1 </dev/null &
    local pull=$!
    for attempt in $(seq 60); do
        if grep -q 'Pulling from' "$output"; then
            wait "$pull" && return
            break
        fi
        kill -0 "$pull" 2>/dev/null || break
        sleep 0.1
    done
    kill "$pull" 2>/dev/null || true
    cat "$output"
    return 1
}

choose_source() {
    local wanted
    mapfile -t wanted < <(official_images)
    if present "${wanted[@]}"; then
        skipped registry "official images" "the engine has them"
    elif registry_answers "${wanted[0]}" >"$LOGS/registry.log" 2>&1; then
        skipped registry "building everything from Debian packages" "the registry answers"
    else
        env_add COMPOSE_FILE "$OFFLINE"
        skipped registry "official images" "no registry answers; COMPOSE_FILE in .env now names compose/offline.yml"
    fi
}

make_bases() {
    command -v debootstrap >/dev/null || apt_install debootstrap
    both bash ops/balancer/base/debian-image.sh trixie -- bash ops/balancer/base/debian-image.sh forky
    both docker build --quiet --tag videa/python --file compose/images/python.Dockerfile compose/images -- \
        bash ops/balancer/base/make.sh videa/nginx
}

# both COMMAND -- COMMAND   runs both at the same time: one waits for the network while the other unpacks.
both() {
    local -a first=()
    while [ "$1" != -- ]; do
        first+=("$1")
        shift
    done
    shift
    "${first[@]}" &
    "$@"
    wait $!
}

may_make_bases() {
    local reason="no image registry answers ($(tail -n 1 "$LOGS/registry.log" 2>/dev/null))"
    is_root || give_up images "$reason, and only root can build images from Debian packages" \
        "fix this command: docker pull redis:8; or run make up once as root"
    has_apt || give_up images "$reason, and this is not a Debian system" "fix this command: docker pull redis:8"
}

pull_and_build() {
    docker compose pull --quiet --ignore-buildable --policy missing
    docker compose build
    state >"$STAMP"
}

if up_to_date; then
    skipped images "images" "nothing changed"
    exit
fi
[ -n "$(files)" ] || choose_source
if is_offline; then
    if ! present videa/python videa/nginx; then
        may_make_bases
        step bases "building base images from Debian packages (a minute or two)" make_bases
    fi
    step images "building the stack's images" pull_and_build
else
    step images "pulling and building the stack's images (some minutes the first time)" pull_and_build
fi
