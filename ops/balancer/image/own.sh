#!/bin/sh
# own.sh CONF   tests the configuration CONF with the user's own files, /etc/nginx/own/*.conf, and leaves out those that nginx
# refuses: they cost neither the list of replicas nor a closed site. Ends with nginx's verdict on the rest.
# nginx includes copies, so that it serves what was tested. own.refused has a line "NAME: reason" for each that is left out.
set -u

conf=$1 source=/etc/nginx/own copies=/tmp/nginx/own refused=/tmp/nginx/own.refused
mkdir -p "$copies"
rm -f "$copies"/*.conf
: >"$refused"
cksum "$source"/*.conf >/tmp/nginx/own.sum 2>/dev/null

tested() { nginx -e stderr -t -q -c "$conf" 2>&1; }

# Outside of a location, these change every request, or what the site listens on.
misplaced() {
    awk '{
        sub(/(^|[ \t])#.*/, "")
        gsub(/[{};]/, " & ")
        for (i = 1; i <= NF; i++) {
            if ($i == "{") depth++
            else if ($i == "}") depth--
            if (depth == 0 && first != 0 && $i ~ /^(return|rewrite|if|deny|auth_basic|auth_request|listen|server_name|include)$/) { print $i; exit }
            first = ($i == ";" || $i == "{" || $i == "}")
        }
    } BEGIN { first = 1 }' "$1"
}

copy() {
    cp "$1" "$copies/" 2>/dev/null && return 0
    rm -f "$copies/${1##*/}"
    echo "${1##*/}: it cannot be read, or there is no room for it" >>"$refused"
    return 1
}

if [ -d "$source" ] && ! { [ -r "$source" ] && [ -x "$source" ]; }; then
    echo "own: user $(id -u) cannot read the folder" >>"$refused"
fi
for file in "$source"/*.conf; do
    [ -f "$file" ] || continue
    word=$(misplaced "$file" 2>/dev/null)
    if [ -n "$word" ]; then
        echo "${file##*/}: \"$word\" is only allowed in a location" >>"$refused"
    else
        copy "$file" || true
    fi
done
answer=$(tested) && exit 0

# Without them, then one after the other.
candidates=$(cd "$copies" && ls -- *.conf 2>/dev/null)
rm -f "$copies"/*.conf
if ! without=$(tested) || [ -z "$candidates" ]; then
    echo "${without:-$answer}" >&2
    exit 1
fi
echo "$candidates" | while IFS= read -r name; do
    copy "$source/$name" || continue
    if ! answer=$(tested); then
        rm -f "$copies/$name"
        reason=$(echo "$answer" | grep -F '[emerg]' | head -n 1 | sed -e 's/.*\[emerg\] //' -e 's/^[0-9#]*: //' -e "s|$copies/||g" | cut -c 1-300)
        echo "$name: ${reason:-nginx refuses it}" >>"$refused"
    fi
done
exit 0
