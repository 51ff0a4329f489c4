# Sourced by every script here: prints one line per step, with its purpose, result and duration.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

LOGS=.videa/logs
mkdir -p "$LOGS"

# step NAME "what it does" COMMAND...   Output goes to .videa/logs/NAME.log; if the step fails, the last lines are shown.
step() {
    local name=$1 what=$2 begun=$EPOCHREALTIME log=$LOGS/$1.log
    shift 2
    printf '[%s] %s ... ' "$name" "$what"
    # A subshell with its own -e: if called from a condition, bash would ignore a failure in the middle of the command.
    set +e
    (set -e; "$@") >"$log" 2>&1 </dev/null
    local status=$?
    set -e
    if [ "$status" -ne 0 ]; then
        printf 'failed (%s)\n' "$(seconds_since "$begun")"
        tail -n 25 "$log" | sed 's/^/    /' >&2
        printf '    full output: %s\n' "$log" >&2
        exit "$status"
    fi
    printf 'ok (%s)\n' "$(seconds_since "$begun")"
}

# skipped NAME "what it does" "why there is nothing to do"
skipped() { printf '[%s] %s ... skipped (%s)\n' "$@"; }

# give_up NAME "what is wrong" "how to fix it"
give_up() {
    printf '[%s] %s\n    %s\n' "$@" >&2
    exit 1
}

seconds_since() {
    local microseconds=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
    printf '%d.%d s' $((microseconds / 1000000)) $((microseconds / 100000 % 10))
}

is_root() { [ "$(id -u)" -eq 0 ]; }
