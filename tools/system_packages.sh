#!/bin/sh
# Installs the named Debian packages that are missing. Elsewhere, or without the right to, says so and goes on: the
# programs say themselves what they miss.
command -v dpkg-query >/dev/null || exit 0
missing=
for package in "$@"; do
    # python3-venv only matters where Python came without ensurepip
    [ "$package" = python3-venv ] && python3 -c 'import ensurepip' 2>/dev/null && continue
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then as_root=; elif command -v sudo >/dev/null; then as_root=sudo; else
    echo "not root and no sudo: please run  apt-get install$missing" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    echo "apt-get could not install$missing; going on without" >&2
