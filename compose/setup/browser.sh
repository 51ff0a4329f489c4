#!/usr/bin/env bash
# A Chromium for the tests of the dashboard, where one can be installed; they are skipped without it.
. "$(dirname "$0")/step.sh"
. compose/setup/debian.sh

# The names that tests/browser/conftest.py looks for.
NAMES=(chromium-headless-shell chromium chromium-browser google-chrome)

if path=$(command -v "${NAMES[@]}" | head -n 1) && [ -n "$path" ]; then
    skipped browser "Chromium" "$path"
elif is_root && has_apt; then
    # In a subshell: a mirror without it is no reason to test nothing else.
    (step browser "installing Debian's headless Chromium" apt_install chromium-headless-shell) || true
else
    skipped browser "Chromium" "none here; the browser tests are skipped without it"
fi
