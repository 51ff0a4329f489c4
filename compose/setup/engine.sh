#!/usr/bin/env bash
# engine.sh [stop]   provides a Docker Engine that answers: the user's own if there is one, otherwise Debian's; starts it if needed.
# "stop" stops the engine that this script started from this folder, and no other.
. "$(dirname "$0")/step.sh"
. ops/balancer/base/debian.sh

PID_FILE=.videa/engine.pid
LOG=/var/log/videa-dockerd.log

answers() { docker info >/dev/null 2>&1; }
has_systemd() { [ -d /run/systemd/system ]; }
# runs_in FILE COMMAND   whether the process whose id is in the file runs that command; a zombie has no executable.
runs_in() { [ -s "$1" ] && [[ "$(readlink "/proc/$(cat "$1")/exe" 2>/dev/null)" == */$2* ]]; }
started_here() { runs_in "$PID_FILE" dockerd; }

# Engines before 23 have no `docker context show`.
context() {
    local name
    name=$(docker context inspect --format '{{.Name}}' 2>/dev/null) || name=${DOCKER_CONTEXT:-default}
    echo "$name"
}

# First the output, then the search: with a pipe, the failure of `docker info` would count as a failed search.
refuses_user() { [[ "$(docker info 2>&1 || true)" == *[Pp]ermission\ denied* ]]; }

# If the engine that the user chose does not answer, do not silently use another one.
chosen_by_user() {
    [ -n "${DOCKER_HOST:-}" ] || [ "$(context)" != default ]
}

# remove_stale FILE COMMAND   after a crash, the id in the file may belong to another process, or to none: dockerd would then
# refuse to start, or wait for a containerd that never answers.
remove_stale() { runs_in "$1" "$2" || rm -f "$1"; }

start_detached() {
    remove_stale /var/run/docker.pid dockerd
    remove_stale /var/run/docker/containerd/containerd.pid containerd
    # Without setsid, the log file and the closed input, dockerd would keep the caller's terminal and pipes open.
    setsid nohup dockerd >>"$LOG" 2>&1 </dev/null &
    echo $! >"$PID_FILE"
    local attempt
    for attempt in $(seq 300); do
        answers && return
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    echo "dockerd did not answer; the last lines of $LOG:"
    tail -n 15 "$LOG"
    return 1
}

start() {
    if has_systemd; then
        systemctl enable --now docker
        answers
    else
        start_detached
    fi
}

install_and_start() {
    # docker.io only recommends iptables, but the engine does not start without it.
    apt_install docker.io iptables
    hash -r
    # With an init system, the package itself starts the engine.
    answers || start
}

stop() {
    local attempt
    kill "$(cat "$PID_FILE")"
    # The engine gives containers time to stop.
    for attempt in $(seq 600); do
        if ! started_here; then
            rm "$PID_FILE"
            return
        fi
        sleep 0.1
    done
    return 1
}

if [ "${1:-}" = stop ]; then
    if started_here; then
        step engine "stopping the Docker Engine that was started from this folder" stop
    else
        skipped engine "stopping the Docker Engine" "it was not started from this folder"
    fi
elif answers; then
    skipped engine "Docker Engine" "$(docker version --format '{{.Server.Version}}') answers"
elif refuses_user; then
    give_up engine "the Docker Engine refuses this user" "sudo usermod -aG docker $(id -un), then log in again"
elif command -v docker >/dev/null && chosen_by_user; then
    give_up engine "the chosen Docker Engine does not answer (DOCKER_HOST=${DOCKER_HOST:-}, context $(context))" \
        "start it, or unset DOCKER_HOST and run: docker context use default"
elif ! is_root; then
    give_up engine "no Docker Engine answers, and only root can install or start one" \
        "sudo systemctl start docker, or run make up once as root"
elif command -v dockerd >/dev/null; then
    step engine "starting the Docker Engine" start
elif has_apt; then
    step engine "installing Debian's Docker Engine and starting it" install_and_start
else
    give_up engine "no Docker Engine is installed" "install Docker Engine 20.10 or newer for this system, then run make up again"
fi
