# Sourced: installs Debian packages from this machine's mirror, also from newer releases than its own.
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

has_apt() { command -v apt-get >/dev/null && [ -s "$KEYRING" ]; }

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    # The package lists of a fresh machine are missing or old. If the mirror is unreachable, cached packages still install.
    apt-get -q update || true
    apt-get -q install -y --no-install-recommends "$@"
}

# mirror [SUITE-SUFFIX]   address of the archive that serves this machine's release (or its -security). apt itself
# reads the sources, in both of their formats.
mirror() {
    local release
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")${1:-}
    apt-get indextargets --format '$(SITE) $(RELEASE) $(CODENAME)' 'Created-By: Packages' |
        awk -v release="$release" '($2 == release || $3 == release) && !site { site = $1 } END { print site }'
}

# private_apt DIRECTORY RELEASE ARGUMENTS...   runs apt-get on that release only; checks signatures, does not touch the system's state.
private_apt() {
    local root=$1 release=$2
    shift 2
    if [ ! -e "$root/sources.list" ]; then
        mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
        touch "$root/status"
        echo "deb [signed-by=$KEYRING] $(mirror) $release main" >"$root/sources.list"
    fi
    apt-get -q -o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$root/lists" -o Dir::Cache="$root/cache" -o Dir::State::status="$root/status" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
