#!/bin/sh
# Starts nginx with the upstreams that videa last wrote. If there are none, or nginx refuses them, uses the default:
# every replica of UPSTREAM_SERVICE (default: backend) on UPSTREAM_PORT (default: 3001).
# REQUESTS_PER_CLIENT, BODIES_PER_CLIENT: how many one address may have under way (512, 32). Raise them where all clients
# come through another proxy. PUBLIC_HOST, PUBLIC_PORT: where clients find the site with HTTPS (compose/tls.yml).
# TESTER_KEY: lets testers choose a release (docs/canary.md).
set -eu

volume=/etc/nginx/videa
ulimit -n "$(ulimit -Hn)"
mkdir -p /tmp/nginx
rm -f /tmp/nginx/control.sock "$volume/upstreams.conf.next"

# MiB: the container's own limit. Without one, what docker-compose.yml would give it.
memory() {
    limit=
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        [ ! -r "$file" ] || read -r limit <"$file"
    done
    # cgroup v2 says "max" and v1 a number of nineteen digits for none.
    case $limit in
        '' | max | ????????????????*) echo 512 ;;
        *) echo $((limit / 1048576)) ;;
    esac
}

write_limits() {
    spool=/var/spool/videa
    [ -w "$spool" ] || { spool=/tmp/nginx/body && mkdir -p "$spool"; }
    # What a nginx that was killed has left behind.
    rm -rf "${spool:?}"/*
    space=$(df -Pk "$spool" | awk 'END { print $4 }')
    kind=plain
    ! grep -Eq '^[[:space:]]*listen .*ssl' /etc/nginx/site.conf || kind=tls
    numbers=$(limits.sh "$(memory)" "$(nproc)" "$space" "$kind")
    eval "$numbers"
    files=$(ulimit -n)
    [ "$files" = unlimited ] || [ "$connections" -le $((files - 64)) ] || connections=$((files - 64))
    echo "worker_processes $workers;" >/tmp/nginx/workers.conf
    echo "worker_connections $connections;" >/tmp/nginx/connections.conf
    echo "client_body_temp_path $spool;" >/tmp/nginx/spool.conf
    cat >/tmp/nginx/limits.conf <<END
limit_conn requests $requests;
limit_conn requests_of_client $requests_per_client;
limit_conn bodies $bodies;
limit_conn bodies_of_client $bodies_per_client;
END
}

write_public_address() {
    case ${PUBLIC_HOST:-localhost}${PUBLIC_PORT:-443} in
        *[!A-Za-z0-9.-]*) echo "videa: PUBLIC_HOST must be a host name and PUBLIC_PORT a number" >&2 && exit 2 ;;
    esac
    port=":${PUBLIC_PORT:-443}"
    [ "$port" != :443 ] || port=
    echo "map '' \$videa_public_url { default https://${PUBLIC_HOST:-localhost}$port; }" >/tmp/nginx/public.conf
}

# "canary" and "app" are the groups in upstreams.conf.
write_testers() (
    umask 077
    : >/tmp/nginx/testers.conf
    key=${TESTER_KEY:-}
    case $key in
        *[!A-Za-z0-9_-]*) key= ;;
    esac
    if [ "${#key}" -ge 16 ]; then
        cat >/tmp/nginx/testers.conf <<END
"~^$key:" canary;
"~^:$key$" canary;
"~^$key\.never:" app;
"~^:$key\.never$" app;
END
    elif [ -n "${TESTER_KEY:-}" ]; then
        echo "videa: TESTER_KEY is ignored: it must have at least 16 characters, only letters, digits, - and _" >&2
    fi
)

# IPv6 only where the container has an address of it: elsewhere nginx could not start.
write_listen() {
    : >/tmp/nginx/listen.conf
    : >/tmp/nginx/listen-tls.conf
    if grep -qv ' lo$' /proc/net/if_inet6 2>/dev/null; then
        echo 'listen [::]:8080 default_server backlog=4096;' >/tmp/nginx/listen.conf
        echo 'listen [::]:8443 ssl default_server backlog=4096;' >/tmp/nginx/listen-tls.conf
    fi
}

use_default() {
    sed -e "s/@SERVICE@/${UPSTREAM_SERVICE:-backend}/" -e "s/@PORT@/${UPSTREAM_PORT:-3001}/" \
        /etc/nginx/default-upstreams.conf > "$volume/upstreams.conf.next"
    mv "$volume/upstreams.conf.next" "$volume/upstreams.conf"
}

write_limits
write_public_address
write_testers
write_listen

if [ ! -s "$volume/upstreams.conf" ]; then
    use_default
elif ! nginx -e stderr -t -q; then
    echo "videa: nginx refuses $volume/upstreams.conf (kept as upstreams.conf.refused), starting with the default" >&2
    mv "$volume/upstreams.conf" "$volume/upstreams.conf.refused"
    use_default
fi

exec relay.pl nginx -e stderr -g 'daemon off;'
