#!/usr/bin/env bash
# Installs Compose v2 and buildx for the docker command, if missing. Debian 12 has neither: they come from a newer release of
# the same mirror, as plain programs (they need only libc6 >= 2.34). apt checks the signatures.
. "$(dirname "$0")/step.sh"
. ops/balancer/base/debian.sh

# 2.22 introduced `pull --policy`; older versions are replaced.
has_compose() {
    local version
    version=$(docker compose version --short 2>/dev/null) || return 1
    [ "$(printf '2.22\n%s\n' "${version#v}" | sort -V | head -n 1)" = 2.22 ]
}
has_buildx() { docker buildx version >/dev/null 2>&1; }

# install_plugins RELEASE NAME...
install_plugins() {
    local release=$1 folder=$HOME/.docker/cli-plugins root plugin
    shift
    is_root && folder=/usr/local/lib/docker/cli-plugins
    root=$(mktemp -d)
    # Expanded now: the local variable no longer exists when the trap runs.
    trap "rm -rf '$root'" EXIT
    mkdir -p "$folder"
    private_apt "$root" "$release" update
    for plugin in "$@"; do
        (cd "$root" && private_apt "$root" "$release" download "$plugin")
        dpkg-deb --fsys-tarfile "$root/$plugin"_*.deb | tar --extract --to-stdout "./usr/libexec/docker/cli-plugins/$plugin" >"$root/$plugin"
        install -m 755 "$root/$plugin" "$folder/$plugin"
    done
}

missing=()
has_compose || missing+=(docker-compose)
has_buildx || missing+=(docker-buildx)
if [ ${#missing[@]} -eq 0 ]; then
    skipped compose "Compose and buildx" "$(docker compose version --short), $(docker buildx version | cut -d' ' -f2)"
else
    has_apt || give_up compose "the docker command lacks ${missing[*]}" "install the plugins for this system, then run make up again"
    step compose "installing ${missing[*]} from Debian packages" install_plugins forky "${missing[@]}"
    has_compose && has_buildx || give_up compose "docker still does not find the plugins" "see .videa/logs/compose.log"
fi
