#!/usr/bin/env bash
# Installs a Chromium for the tests of the dashboard if possible; without it the tests are skipped.
. "$(dirname "$0")/step.sh"
. ops/balancer/base/debian.sh

# The names that tests/browser/conftest.py looks for.
NAMES=(chromium-headless-shell chromium chromium-browser google-chrome)

if path=$(command -v "${NAMES[@]}" | head -n 1) && [ -n "$path" ]; then
    skipped browser "Chromium" "$path"
elif is_root && has_apt; then
    # In a subshell: if the mirror does not have it, the other tests still run.
    (step browser "installing Debian's headless Chromium" apt_install chromium-headless-shell) || true
else
    skipped browser "Chromium" "not installed; the browser tests are skipped"
fi
