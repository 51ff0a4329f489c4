#!/usr/bin/env bash
# filter.sh [offer|show|apply|remove]   two rules of the host's packet filter for nginx's container. Docker has no setting for them:
#   - out of the network `edge` goes only what answers a client: nginx reaches neither the internet, nor this host, nor the
#     metadata address of a cloud (169.254.169.254);
#   - one address opens at most 1,000 connections to it (nginx itself can count only requests whose header is complete).
# `show` prints the commands, `offer` says that there are some. They last until the host restarts: put `filter.sh apply` where your system keeps such rules.
. "$(dirname "$0")/step.sh"
. compose/setup/dotenv.sh

CONNECTIONS=${CONNECTIONS_PER_CLIENT:-1000}
project=${COMPOSE_PROJECT_NAME:-$(env_get COMPOSE_PROJECT_NAME)}
comment="videa:${project:-videa}"

# The bridge of the network, as the engine names it.
bridge() {
    local id
    id=$(docker network inspect --format '{{.Id}}' "${project:-videa}_edge") || return 1
    echo "br-${id:0:12}"
}

# rules BRIDGE   one a line, without the action; the last is looked at first.
rules() {
    echo "DOCKER-USER -i $1 -m comment --comment $comment -j DROP"
    echo "DOCKER-USER -i $1 -m conntrack --ctstate ESTABLISHED,RELATED -m comment --comment $comment -j RETURN"
    echo "DOCKER-USER -o $1 -p tcp --syn -m connlimit --connlimit-above $CONNECTIONS --connlimit-mask 32 -m comment --comment $comment -j REJECT --reject-with tcp-reset"
    echo "INPUT -i $1 -m comment --comment $comment -j DROP"
    echo "INPUT -i $1 -m conntrack --ctstate ESTABLISHED,RELATED -m comment --comment $comment -j ACCEPT"
}

each_rule() {
    local action=$1 name
    name=$(bridge)
    while read -r rule; do
        # shellcheck disable=SC2086 # a rule is several words
        "$action" $rule
    done < <(rules "$name")
}

applied() { iptables-save 2>/dev/null | grep -q -- "--comment \"\?$comment\"\? "; }
print() { echo "iptables -I $*"; }
add() { iptables -C "$@" 2>/dev/null || iptables -I "$@"; }
delete() { iptables -D "$@" 2>/dev/null || true; }

case "${1:-show}" in
    offer)
        if ! applied; then
            skipped filter "closing nginx's way to the internet" "yours to choose: compose/setup/filter.sh apply"
        fi
        ;;
    show) each_rule print ;;
    apply) step filter "closing the network edge to the outside" each_rule add ;;
    remove) step filter "opening the network edge again" each_rule delete ;;
    *) give_up filter "unknown: $1" "filter.sh offer, show, apply or remove" ;;
esac
