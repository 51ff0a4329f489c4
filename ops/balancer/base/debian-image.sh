#!/usr/bin/env bash
# debian-image.sh RELEASE [IMAGE]   makes an image of a Debian release out of its packages, for machines without a registry.
set -euo pipefail
. "$(dirname "$0")/debian.sh"

release=$1
image=${2:-videa/debian-$release}
inputs=$(sha256sum "$0" | cut -c1-16)

made_before() {
    [ "$(docker image inspect --format '{{index .Config.Labels "videa.inputs"}}' "$image" 2>/dev/null)" = "$inputs" ]
}

make_image() {
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    chmod 755 "$root"
    local proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy=$proxy
    # The script is named because the debootstrap of an older Debian does not know the names of newer releases.
    debootstrap --foreign --variant=minbase --keyring="$KEYRING" "$release" "$root" "$(mirror)" \
        /usr/share/debootstrap/scripts/sid
    # Between the two stages: an image that is half made is thrown away, so nothing is gained by waiting for the disk.
    mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/90-unsafe-io"
    chroot "$root" /debootstrap/debootstrap --second-stage
    configure_apt
    # No devices, no caches: Docker brings the first, nothing reads the second.
    tar --directory "$root" --create --exclude='./dev/*' --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
        --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' . |
        docker import --change "LABEL videa.image=debian-$release videa.inputs=$inputs" --change 'CMD ["bash"]' - "$image"
}

configure_apt() {
    local security
    security=$(mirror -security)
    {
        echo "deb $(mirror) $release main"
        echo "deb $(mirror) $release-updates main"
        [ -z "$security" ] || echo "deb $security $release-security main"
    } >"$root/etc/apt/sources.list"
    # A machine that works from a frozen mirror says so in these two; the builds read the same mirror.
    apt-config dump --format '%F "%v";%n' Acquire::Check-Valid-Until Acquire::Check-Date >"$root/etc/apt/apt.conf.d/90-as-the-host"
    cat >"$root/etc/apt/apt.conf.d/90-small" <<-'END'
		APT::Install-Recommends "false";
		Acquire::Languages "none";
	END
    # Keeps packages that start a service when they are installed from doing so inside a build.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

made_before || make_image
