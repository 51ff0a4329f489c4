#!/bin/sh
# edge.sh   prepares an nginx that is one of several (docs/swarm.md); without the secrets of the swarm it does nothing.
# First it takes the newest configuration of the others, so that what was changed while this node was away is not served again.
# Then it opens the channel by which videa changes this one. EDGE_NAME: the name by which DNS lists all of them.
set -eu
own=/run/secrets/videa-edge.pem
clients=/run/secrets/videa-edge-clients.pem
file=/etc/nginx/videa/upstreams.conf

[ -s "$own" ] && [ -s "$clients" ] || exit 0

generation() { sed -n 's/^ *map "" $videa_generation *{ default \([0-9]*\); }.*/\1/p' "$1" 2>/dev/null | head -n 1; }

newest=$(generation "$file")
for address in $(getent ahostsv4 "${EDGE_NAME:-nginx}" | awk '$2 == "STREAM" { print $1 }'); do
    curl -fsS --max-time 2 --connect-to "videa-edge:8444:$address:8444" --cert "$own" --cacert "$clients" \
        -o /tmp/nginx/edge-newest https://videa-edge:8444/upstreams.conf 2>/dev/null || continue
    found=$(generation /tmp/nginx/edge-newest)
    if [ "${found:-0}" -gt "${newest:-0}" ]; then
        cp /tmp/nginx/edge-newest "$file.next" && mv "$file.next" "$file" && newest=$found
    fi
done
rm -f /tmp/nginx/edge-newest

rm -f /tmp/nginx/edge.sock /tmp/nginx/edge.pid
mkdir -p /tmp/nginx/edge-body
(
    while :; do
        edge.pl /tmp/nginx/edge.sock || true
        sleep 1
    done
) &
(
    while :; do
        nginx -e stderr -c /etc/nginx/edge.conf -g 'daemon off;' || true
        sleep 1
    done
) &
