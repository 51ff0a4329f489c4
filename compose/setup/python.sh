#!/usr/bin/env bash
# python.sh [dev]   creates the Python environment in .venv with the videa command; with "dev" also the test tools.
. "$(dirname "$0")/step.sh"
. ops/balancer/base/debian.sh

WANTED='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'

find_python() {
    local python
    for python in python3 python3.13 python3.12 python3.11 python3.14; do
        if "$python" -c "$WANTED" 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    return 1
}

create() {
    local python
    python=$(find_python) || { apt_install python3 python3-venv && python=$(find_python); }
    "$python" -m venv .venv
    # Dependency groups need pip 25.1; Debian 12 has 23.
    .venv/bin/pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
}

# One stamp per installed part: it contains the hash of pyproject.toml, and is removed with the environment.
inputs() { sha256sum pyproject.toml | cut -c1-16; }
installed() { [ "$(cat ".venv/.$1.stamp" 2>/dev/null)" = "$(inputs)" ]; }

install() {
    local what=$1
    shift
    .venv/bin/pip install -q --disable-pip-version-check "$@"
    inputs >".venv/.$what.stamp"
}

# Imported from a plain path and compiled once: otherwise every start of the command pays for both.
install_command() {
    install videa --editable '.[ui,acme]' --config-settings editable_mode=compat
    .venv/bin/python -m compileall -q ops videa_cli
}

if [ -x .venv/bin/python ] && .venv/bin/python -c "$WANTED"; then
    skipped python ".venv" "$(.venv/bin/python --version)"
else
    find_python >/dev/null || { is_root && has_apt; } ||
        give_up python "Python 3.11 or newer with venv is missing" "install it, e.g. sudo apt-get install python3-venv"
    step python "creating .venv" create
fi

if installed videa && [ -x .venv/bin/videa ]; then
    skipped videa "command in .venv/bin/videa" installed
else
    step videa "installing the command into .venv" install_command
fi

if [ "${1:-}" = dev ]; then
    if installed dev; then
        skipped dev "linters and test tools" installed
    else
        step dev "installing linters and test tools" install dev --group dev
    fi
fi
