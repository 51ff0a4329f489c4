"""The shell scripts that run inside nginx's container: a separate exec for every line would take ten times as long."""

from __future__ import annotations

VOLUME = "/etc/nginx/videa"
FILE = f"{VOLUME}/upstreams.conf"

FENCE = f"{VOLUME}/fence"
"""The file with the highest number of a change: a former holder of the lock has a lower one (``ops.rollout.fence``)."""

OWN = "videa-own:"
"""Prefix of the line about the user's own files."""

WRITE_FAILED, REFUSED, NOT_CONFIRMED, NOT_OURS, CHANGED, FENCED = 10, 11, 12, 13, 14, 15
"""Exit codes of APPLY; its output contains the reason, for FENCED the higher number."""

PIECE = 100_000
"""Characters of a piece of the text: Linux takes at most 128 KiB as one argument (MAX_ARG_STRLEN)."""

FUNCTIONS = (
    f"fence={FENCE} own_mark={OWN}"
    + r"""
# One script at a time; the kernel unlocks it at its end.
alone() { exec 9>/tmp/nginx/change.lock && flock 9; }
highest() {
    number=$(cat "$fence" 2>/dev/null)
    case $number in '' | *[!0-9]*) number=0 ;; esac
    echo "$number"
}
# Refuses lower numbers from now on.
register() {
    [ "$1" -gt "$(highest)" ] || return 0
    printf '%s' "$1" > "$fence.next" && mv "$fence.next" "$fence" || { rm -f "$fence.next"; return 1; }
}
# Tests the configuration $1, with the user's own files where the image can leave them out.
check() {
    if command -v own.sh >/dev/null; then own.sh "$1" 2>&1; else nginx -e stderr -t -q -c "$1"; fi
}
# Whether the own files differ from those that were tested last, and which of them are left out, in one line.
own() {
    seen=$(cat /tmp/nginx/own.sum 2>/dev/null)
    [ "$seen" = "$(cksum /etc/nginx/own/*.conf 2>/dev/null)" ] && changed=no || changed=yes
    printf '%s%s\t%s\n' "$own_mark" "$changed" "$(tr '\n' '\t' 2>/dev/null </tmp/nginx/own.refused)"
}
generation() { curl -s --max-time 1 --unix-socket /tmp/nginx/control.sock http://nginx/generation; }
# A worker is identified by its process id and its start time, because process ids are reused.
workers() {
    master=$(cat /tmp/nginx/nginx.pid) || return 0
    for stat in /proc/[0-9]*/stat; do
        { read -r line < "$stat"; } 2>/dev/null || continue
        set -- $line
        [ "$4" = "$master" ] && [ "$3" != Z ] && printf '%s@%s ' "$1" "${22}"
    done
    return 0
}
reload() { kill -HUP "$(cat /tmp/nginx/nginx.pid)"; }
# nginx forgets a signal that comes while it starts: between its pid file and its first worker.
started() {
    looks=100
    while [ -z "$(generation)" ] && [ "$looks" -gt 0 ]; do
        looks=$((looks - 1))
        sleep 0.02
    done
}
serves() {
    attempts=$2
    while [ "$attempts" -gt 0 ]; do
        [ "$(generation)" = "$1" ] && return 0
        attempts=$((attempts - 1))
        sleep 0.02
    done
    return 1
}
"""
)

LOOK = (
    FUNCTIONS
    + rf"""
[ "$1" -eq 0 ] || alone
register "$1"
nginx -v 2>&1
generation || echo
! command -v own.sh >/dev/null || own
cat {FILE}
"""
)
"""$1: the number of this process's lock; 0: none, LOOK only reads.

Prints the version, the active generation, a line about the user's own files, and the file. Fails if there is no file.
"""

LOOKED = "\nvidea-looked "
"""Separates the output of LOOK from that of the next command; followed by LOOK's exit code."""

LOOK_AND_RUN = rf"""(
{LOOK})
printf '\nvidea-looked %s\n' "$?"
shift
exec "$@"
"""
"""$1: as for LOOK; the remaining arguments: a command, whose exit code is returned."""

APPLY = (
    FUNCTIONS
    + f"current={FILE}"
    + r"""
wanted=$1 attempts=$2 before=$3 pieces=$4 content=
shift 4
while [ "$pieces" -gt 0 ]; do
    content=$content$1
    pieces=$((pieces - 1))
    shift
done
number=$1
next=$current.next previous=$current.previous
not_written() {
    free=$(df -Pk "$current" | awk 'END { print $4 }') # KiB
    rm -f "$next"
    [ "$free" -gt $((${#content} / 1024 + 4)) ] || echo "no space left" >&2 # after what the shell has said there
    exit 10
}
# Writes what nginx includes for the proxy settings of $1, unless they are those of $2.
proxy() { sed -n 's/^ *# proxy: //p' "$1"; }
adopt() { [ "$(proxy "$1")" = "$(proxy "$2")" ] || settings.sh "$1"; }
[ -f /etc/nginx/candidate.conf ] && [ -f "$current" ] && command -v curl >/dev/null || exit 13
alone || exit 10
[ "$number" -ge "$(highest)" ] || { highest; exit 15; }
register "$number" || not_written
[ -z "$before" ] || [ "$(printf '%s' "$(cat "$current")" | sha256sum | cut -c-64)" = "$before" ] || exit 14
old=$(workers)
printf '%s' "$content" > "$next" && [ "$(wc -c < "$next")" -eq "${#content}" ] || not_written
if ! { adopt "$next" "$current" && check /etc/nginx/candidate.conf; }; then
    adopt "$current" "$next"
    check /etc/nginx/nginx.conf >/dev/null
    rm -f "$next"
    exit 11
fi
started
ln -f "$current" "$previous" && mv "$next" "$current" || { adopt "$current" "$next"; not_written; }
reload
if ! serves "$wanted" "$attempts"; then
    adopt "$previous" "$current"
    mv "$previous" "$current"
    check /etc/nginx/nginx.conf >/dev/null
    reload
    echo "generation $(generation) is active instead of $wanted"
    exit 12
fi
rm -f "$previous"
echo "videa-old-workers $old"
! command -v own.sh >/dev/null || own
"""
)
"""$1: generation of the text, $2: maximum number of checks for it, $3: SHA-256 of the text that it replaces (without
trailing newlines; empty: any text), $4: number of pieces; then the pieces of the text, and the number of this process's
lock.

Prints the previous workers, and a line about the user's own files.
"""

DRAIN = (
    FUNCTIONS
    + r"""
slices=$1
shift
old=" $* "
while :; do
    left=
    for worker in $(workers); do
        case "$old" in *" $worker "*) left="$left $worker" ;; esac
    done
    [ -z "$left" ] && exit 0
    [ "$slices" -le 0 ] && break
    slices=$((slices - 1))
    sleep 0.05
done
echo "videa-left$left"
"""
)
"""$1: maximum number of checks, 50 ms apart; other arguments: workers. Prints the workers that are still running."""
