#!/usr/bin/env bash
# Installs pebble, a small ACME server, for the tests of certificates if possible; without it the tests are skipped.
. "$(dirname "$0")/step.sh"
. ops/balancer/base/debian.sh

if path=$(command -v pebble); then
    skipped pebble "pebble" "$path"
elif is_root && has_apt; then
    # In a subshell: if the mirror does not have it, the other tests still run.
    (step pebble "installing Debian's pebble" apt_install pebble) || true
else
    skipped pebble "pebble" "not installed; the tests with a real ACME server are skipped"
fi
