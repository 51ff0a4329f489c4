#!/usr/bin/env bash
# Removes what `make up` has created: containers, data, images, .env, .venv. Asks first, unless CLEAN_YES=1.
. "$(dirname "$0")/step.sh"

OURS=label=videa.image

remove_stack() {
    local project document
    project=$(docker compose config --format json | sed -n 's/^  "name": "\(.*\)",$/\1/p')
    docker ps --all --quiet --filter "label=videa.job=$project" | xargs --no-run-if-empty docker rm --force
    docker compose down --volumes --remove-orphans
    for document in history doctor outline autoscale certificates; do
        docker volume ls --quiet --filter "label=videa.document=videa.$document.$project" | xargs --no-run-if-empty docker volume rm
    done
}

remove_images() {
    local image
    # Newest first: an image cannot be removed before the images that are based on it.
    for image in $(docker image ls --filter "$OURS" --format '{{.CreatedAt}}|{{.Repository}}:{{.Tag}}|{{.ID}}' | sort -r |
        awk -F'|' '{ print ($2 ~ /<none>/ ? $3 : $2) }'); do
        docker image rm "$image" || echo "kept $image: it is still in use"
    done
}

remove_files() {
    rm -rf .env .venv videa.egg-info .mypy_cache .ruff_cache .pytest_cache .videa/images .videa/secrets.json .videa/history.jsonl .videa/doctor-*.jsonl .videa/job-*.json
}

if [ "${CLEAN_YES:-}" != 1 ]; then
    echo "This removes the containers and ALL DATA of the stack (database, cache), its images and history, .env with its secrets, and .venv."
    read -rp "Type yes to continue: " answer || answer=
    [ "$answer" = yes ] || { echo "Nothing was removed."; exit 1; }
fi

if docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    if [ -e .env ]; then
        step stack "removing containers, networks and volumes" remove_stack
    else
        skipped stack "containers, networks and volumes" "no .env: nothing was started from this folder"
    fi
    step images "removing the images that were built" remove_images
else
    skipped stack "containers, volumes and images" "no Docker Engine answers"
fi
step files "removing .env, .venv and caches" remove_files
