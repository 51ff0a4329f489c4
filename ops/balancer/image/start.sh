#!/bin/sh
# Starts nginx with the upstreams that videa last wrote. If there are none, or nginx refuses them, uses the default:
# every replica of UPSTREAM_SERVICE (default: backend) on UPSTREAM_PORT (default: 3001).
# REQUESTS_PER_CLIENT, BODIES_PER_CLIENT: how many one address may have under way (512, 32).
# PUBLIC_HOST, PUBLIC_PORT: where clients find the site with HTTPS (compose/tls.yml; compose/acme.yml needs only the port).
# /etc/nginx/own: a folder of the user's own files, see own.sh.
# TESTER_KEY: lets testers choose a release (docs/canary.md).
# EDGE_NAME: the name of all nginx of a swarm (edge.sh).
set -eu

volume=/etc/nginx/videa
ulimit -n "$(ulimit -Hn)"
mkdir -p /tmp/nginx
# What a nginx that was killed has left behind.
rm -rf /tmp/nginx/control.sock /tmp/nginx/space "$volume/upstreams.conf.next" /tmp/nginx/body/* /var/spool/videa/*

write_public_address() {
    case ${PUBLIC_HOST:-localhost}${PUBLIC_PORT:-443} in
        *[!A-Za-z0-9.-]*) echo "videa: PUBLIC_HOST must be a host name and PUBLIC_PORT a number" >&2 && exit 2 ;;
    esac
    port=":${PUBLIC_PORT:-443}"
    [ "$port" != :443 ] || port=
    cat >/tmp/nginx/public.conf <<END
map '' \$videa_public_url { default https://${PUBLIC_HOST:-localhost}$port; }
map '' \$videa_public_port { default "$port"; }
END
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

write_default() {
    sed -e "s/@SERVICE@/${UPSTREAM_SERVICE:-backend}/" -e "s/@PORT@/${UPSTREAM_PORT:-3001}/" \
        /etc/nginx/default-upstreams.conf > "$volume/upstreams.conf.next"
}

use_default() {
    if ! write_default; then
        echo "videa: no room on $volume, so the refused file is not kept" >&2
        rm -f "$volume/upstreams.conf.next" "$volume/upstreams.conf.refused"
        write_default
    fi
    mv "$volume/upstreams.conf.next" "$volume/upstreams.conf"
}

write_public_address
write_testers
write_listen
tls.sh
edge.sh

if [ ! -s "$volume/upstreams.conf" ]; then
    use_default
    settings.sh "$volume/upstreams.conf"
    own.sh /etc/nginx/nginx.conf || true
elif ! settings.sh "$volume/upstreams.conf" || ! own.sh /etc/nginx/nginx.conf; then
    echo "videa: nginx refuses $volume/upstreams.conf (kept as upstreams.conf.refused), starting with the default" >&2
    mv "$volume/upstreams.conf" "$volume/upstreams.conf.refused"
    use_default
    settings.sh "$volume/upstreams.conf"
    own.sh /etc/nginx/nginx.conf || true
fi
sed 's/^/videa: own file left out: /' /tmp/nginx/own.refused >&2

exec relay.pl nginx -e stderr -g 'daemon off;'
