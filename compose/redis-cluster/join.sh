#!/bin/sh
# join.sh NODE...   joins all nodes into one cluster; running it again is safe.
set -eu
first=$1

address() { getent hosts "$1" | cut -d ' ' -f 1 | head -n 1; }
ask() { redis-cli -h "$first" cluster info | tr -d '\r' | sed -n "s/^$1://p"; }

if [ "$(ask cluster_slots_assigned)" = 0 ]; then
    nodes=
    for node in "$@"; do nodes="$nodes $(address "$node"):6379"; done
    # shellcheck disable=SC2086 # one argument a node
    redis-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes
else
    # After all nodes have restarted, each knows the others only at their old addresses.
    for node in "$@"; do redis-cli -h "$first" cluster meet "$(address "$node")" 6379; done
fi

tries=120
until [ "$(ask cluster_state)" = ok ] && [ "$(ask cluster_slots_ok)" = 16384 ]; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then
        echo "the cluster is not complete:" >&2
        redis-cli -h "$first" cluster nodes >&2
        exit 1
    fi
    sleep 0.5
done
echo "the cluster of $# nodes is complete"
