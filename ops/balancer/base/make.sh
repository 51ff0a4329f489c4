#!/usr/bin/env bash
# make.sh IMAGE [DEBIAN]   makes the base of the balancer's image from Debian packages, for machines without a registry.
#   DEBIAN: the image of the Debian release that it is built on (videa/debian-forky), made first unless it exists
set -euo pipefail
here=$(dirname "$0")
. "$here/debian.sh"
image=$1 debian=${2:-videa/debian-forky}

[ "$(id -u)" -eq 0 ] || { echo "only root can build it from Debian packages" >&2 && exit 1; }
has_apt || { echo "this is not a Debian system, whose packages it could be built from" >&2 && exit 1; }
command -v debootstrap >/dev/null || apt_install debootstrap
bash "$here/debian-image.sh" forky "$debian"
DOCKER_BUILDKIT=1 docker build --quiet --build-arg "DEBIAN=$debian" --tag "$image" "$here"
