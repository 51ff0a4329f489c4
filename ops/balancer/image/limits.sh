#!/bin/sh
# limits.sh MEMORY PROCESSORS SPOOL KIND BODY HEADERS   how many clients nginx lets in, so that no client can use up its
# memory or disk.
#   MEMORY: MiB of the container; SPOOL: KiB for bodies on their way; KIND: plain or tls; BODY: KiB of the largest body;
#   HEADERS: KiB of the headers of an answer
# Prints NAME=NUMBER lines. The one place where these numbers fit each other: settings.sh and the *.conf beside it have the
# sizes below.
set -eu
memory=$1 processors=$2 spool=$3 kind=$4 max_body=$5 headers=$6

# KiB that one connection costs at most before its request is complete: large_client_header_buffers and what nginx and,
# for TLS, OpenSSL keep of it.
case $kind in
    tls) connection=64 ;;
    plain) connection=20 ;;
esac
# proxy_buffers of 8 KiB: one more than those that may be busy, which hold the headers (proxy_busy_buffers_size, KiB).
busy=$headers
[ "$busy" -ge 8 ] || busy=8
buffers=$(((busy + 7) / 8 + 1))
[ "$buffers" -ge 4 ] || buffers=4
# KiB that a request adds: client_body_buffer_size, proxy_buffer_size, proxy_buffers, and its pools.
request=$((16 + headers + buffers * 8 + 8))

workers=$processors
[ "$workers" -le 4 ] || workers=4

# A quarter of the memory for requests. The rest, without nginx itself and relay.pl, for connections: once for the workers that serve,
# and once for those that a reload has left behind.
requests=$((memory * 1024 / 4 / request))
rest=$((memory * 3 / 4 - 48 - 12 * workers))
connections=$((rest * 1024 / connection / 2 / workers))
[ "$connections" -ge 256 ] || connections=256
[ "$connections" -le 16384 ] || connections=16384
# A request holds two: the client's and the replica's.
[ "$requests" -le $((connections * workers / 2)) ] || requests=$((connections * workers / 2))

# Four of the largest bodies have room at the same time, however little there is.
room=$((spool * 3 / 16))
[ "$room" -ge 1024 ] || room=1024
[ "$max_body" -le "$room" ] || max_body=$room
bodies=$((spool * 3 / 4 / max_body))
[ "$bodies" -le 256 ] || bodies=256
[ "$bodies" -ge 2 ] || bodies=2

at_most() { if [ "$1" -gt "$2" ]; then echo "$2"; else echo "$1"; fi; }
cat <<END
workers=$workers
connections=$connections
requests=$requests
requests_per_client=$(at_most "${REQUESTS_PER_CLIENT:-512}" $((requests / 2)))
busy=$busy
buffers=$buffers
max_body=$max_body
bodies=$bodies
bodies_per_client=$(at_most "${BODIES_PER_CLIENT:-32}" $((bodies / 2)))
END
