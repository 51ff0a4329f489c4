#!/bin/sh
# settings.sh FILE   writes what nginx includes from /tmp/nginx: how many clients it lets in, and how it passes requests on.
# FILE is an upstreams.conf; its line "# proxy: NAME=VALUE ..." has the settings of x-videa.proxy that are not the defaults
# here. limits.sh bounds them by the memory and the disk of this container.
set -eu

# KiB, and seconds for the times. ops/traffic.py has the same defaults.
http2=off
max_body=65536 read_timeout=300 response_headers=16 buffering=on websocket_timeout=3600 trusted=
for setting in $(sed -n 's/^ *# proxy: //p' "$1"); do
    name=${setting%%=*} value=${setting#*=}
    case $name:$value in
        *:*[!0-9a-z.:/,]*) ;;
        max_body:*) max_body=$value ;;
        read_timeout:*) read_timeout=$value ;;
        response_headers:*) response_headers=$value ;;
        buffering:*) buffering=$value ;;
        websocket_timeout:*) websocket_timeout=$value ;;
        http2:on) http2=on ;;
        trusted:*) trusted=$(echo "$value" | tr , ' ') ;;
    esac
done

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

# The container's CPU quota in whole processors, at most those of the machine.
processors() {
    quota=max period=100000 all=$(nproc)
    if [ -r /sys/fs/cgroup/cpu.max ]; then
        read -r quota period </sys/fs/cgroup/cpu.max
    elif [ -r /sys/fs/cgroup/cpu/cpu.cfs_quota_us ]; then
        read -r quota </sys/fs/cgroup/cpu/cpu.cfs_quota_us
        read -r period </sys/fs/cgroup/cpu/cpu.cfs_period_us
    fi
    case $quota in
        max | -*) echo "$all" ;;
        *)
            allowed=$(((quota + period - 1) / period))
            if [ "$allowed" -lt "$all" ]; then echo "$allowed"; else echo "$all"; fi
            ;;
    esac
}

# Measured once: later, bodies that are on their way take some of it.
spool=/var/spool/videa
[ -w "$spool" ] || { spool=/tmp/nginx/body && mkdir -p "$spool"; }
[ -s /tmp/nginx/space ] || df -Pk "$spool" | awk 'END { print $4 }' >/tmp/nginx/space
read -r space </tmp/nginx/space

kind=plain
! grep -Eqs '^[[:space:]]*listen .*ssl' /etc/nginx/site.conf /tmp/nginx/tls.conf || kind=tls
[ "$http2" = off ] || kind=tls
wanted=$max_body
numbers=$(limits.sh "$(memory)" "$(processors)" "$space" "$kind" "$max_body" "$response_headers")
eval "$numbers"
[ "$max_body" -eq "$wanted" ] || echo "videa: max_body is ${max_body}k instead of ${wanted}k: $spool has room for four of them" >&2
files=$(ulimit -n)
[ "$files" = unlimited ] || [ "$connections" -le $((files - 64)) ] || connections=$((files - 64))

echo "worker_processes $workers;" >/tmp/nginx/workers.conf
echo "worker_connections $connections;" >/tmp/nginx/connections.conf
cat >/tmp/nginx/limits.conf <<END
limit_conn requests $requests;
limit_conn requests_of_client $requests_per_client;
limit_conn bodies $bodies;
limit_conn bodies_of_client $bodies_per_client;
END
# Calls of gRPC are not kept anywhere, so their bodies do not count.
cat >/tmp/nginx/limits-grpc.conf <<END
limit_conn requests $requests;
limit_conn requests_of_client $requests_per_client;
END
# The buffers that are being sent must hold the headers, and leave one buffer free.
cat >/tmp/nginx/settings.conf <<END
client_body_temp_path $spool;
client_max_body_size ${max_body}k;
proxy_read_timeout ${read_timeout}s;
proxy_buffering $buffering;
proxy_buffer_size ${response_headers}k;
proxy_buffers $buffers 8k;
proxy_busy_buffers_size ${busy}k;
$(for network in $trusted; do echo "set_real_ip_from $network;"; done)
real_ip_header X-Forwarded-For;
real_ip_recursive on;
geo \$realip_remote_addr \$videa_trusted {
    default 0;
    $(for network in $trusted; do echo "$network 1;"; done)
}
END
echo "proxy_read_timeout ${websocket_timeout}s;" >/tmp/nginx/websocket.conf
# Either side of a stream may be silent for as long as a WebSocket.
cat >/tmp/nginx/grpc.conf <<END
grpc_buffer_size ${response_headers}k;
grpc_read_timeout ${websocket_timeout}s;
grpc_send_timeout ${websocket_timeout}s;
client_body_timeout ${websocket_timeout}s;
END
# On the same port as HTTP/1.1: a client of HTTP/2 begins with other bytes.
if [ "$http2" = on ]; then echo "http2 on;"; fi >/tmp/nginx/http2.conf
