#!/bin/sh
# tls.sh   writes what nginx includes for HTTPS: a server for each certificate on the volume /etc/nginx/certificates, the names
# that plain HTTP is redirected for, and the place of the answers to a certificate authority. Without the volume: nothing.
#   sites                   the names, one a line; the first is also for clients that ask for an unknown name
#   NAME/current            a link to the folder NAME/VERSION, with fullchain.pem, privkey.pem and info.json
#   challenges/TOKEN        answers to the certificate authority
#   account/                the account with it
# A certificate that nginx refuses is left out: it must not keep the others from being served, or nginx from starting.
# tls.sh usable FOLDER   whether nginx takes the certificate and its key; writes nothing.
set -eu

volume=/etc/nginx/certificates
out=/tmp/nginx

finish() {
    for name in tls secured challenge; do mv "$out/$name.conf.next" "$out/$name.conf"; done
    exit 0
}

# listen OPTIONS   IPv6 only where the container has an address of it (start.sh).
listen() {
    echo "    listen 8443 ssl$1;"
    [ ! -s "$out/listen.conf" ] || echo "    listen [::]:8443 ssl$1;"
}

usable() {
    [ -s "$1/fullchain.pem" ] && [ -s "$1/privkey.pem" ] || return 1
    cat >"$out/try.conf" <<END
pid $out/try.pid;
error_log stderr emerg;
events {}
http {
    access_log off;
    client_body_temp_path $out/try-body;
    proxy_temp_path $out/proxy;
    fastcgi_temp_path $out/fastcgi;
    uwsgi_temp_path $out/uwsgi;
    scgi_temp_path $out/scgi;
    ssl_certificate $1/fullchain.pem;
    ssl_certificate_key $1/privkey.pem;
    server { listen unix:$out/try.sock ssl; }
}
END
    nginx -e stderr -t -q -c "$out/try.conf"
}

if [ "${1:-}" = usable ]; then
    usable "$2"
    exit
fi
: >"$out/tls.conf.next"
: >"$out/secured.conf.next"
: >"$out/challenge.conf.next"
grep -q " $volume " /proc/self/mountinfo || finish
cat /etc/nginx/challenge.conf >"$out/challenge.conf.next"

default=' default_server backlog=4096'
while read -r name; do
    case $name in '' | *[!a-z0-9.-]* | .* | -*) continue ;; esac
    current=$volume/$name/current
    [ -e "$current" ] || continue
    if ! usable "$current"; then
        echo "videa: nginx refuses the certificate of $name, which is left out" >&2
        continue
    fi
    {
        echo "server {"
        listen "$default"
        echo "    server_name $name;"
        echo "    ssl_certificate $current/fullchain.pem;"
        echo "    ssl_certificate_key $current/privkey.pem;"
        echo "    include /etc/nginx/tls-server.conf;"
        echo "}"
    } >>"$out/tls.conf.next"
    echo "$name 1;" >>"$out/secured.conf.next"
    default=
done <<END
$(cat "$volume/sites" 2>/dev/null)
END

# Nobody has a certificate yet: a refused handshake needs none.
if [ -n "$default" ]; then
    {
        echo "server {"
        listen "$default"
        echo "    server_name _;"
        echo "    ssl_reject_handshake on;"
        echo "}"
    } >>"$out/tls.conf.next"
fi
finish
