#!/bin/sh
# Like the official image: passes bare options and configuration files to redis-server, and lets other containers connect.
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
