#!/bin/sh
# As the official image: bare options and configuration files belong to redis-server, and other containers may connect.
set -eu
case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    umask 0077
    case " $* " in
        *' --protected-mode '* | *.conf*) ;;
        *) set -- "$@" --protected-mode no ;;
    esac
fi
exec "$@"
