#!/bin/sh
# Starts nginx with the upstreams that videa last wrote. If there are none, or nginx refuses them, uses the default:
# every replica of UPSTREAM_SERVICE (default: backend) on UPSTREAM_PORT (default: 3001).
set -eu

volume=/etc/nginx/videa
ulimit -n "$(ulimit -Hn)"
mkdir -p /tmp/nginx
rm -f /tmp/nginx/control.sock "$volume/upstreams.conf.next"

use_default() {
    sed -e "s/@SERVICE@/${UPSTREAM_SERVICE:-backend}/" -e "s/@PORT@/${UPSTREAM_PORT:-3001}/" \
        /etc/nginx/default-upstreams.conf > "$volume/upstreams.conf.next"
    mv "$volume/upstreams.conf.next" "$volume/upstreams.conf"
}

if [ ! -s "$volume/upstreams.conf" ]; then
    use_default
elif ! nginx -e stderr -t -q; then
    echo "videa: nginx refuses $volume/upstreams.conf (kept as upstreams.conf.refused), starting with the default" >&2
    mv "$volume/upstreams.conf" "$volume/upstreams.conf.refused"
    use_default
fi

exec nginx -e stderr -g 'daemon off;'
