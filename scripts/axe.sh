#!/bin/sh
# Fetches axe-core, which the tests run in a browser over the pages that we write. Prints the path of its script. It is used by
# tests alone, and never shipped. Where it cannot be had (offline) it says so in one line.
#
#   scripts/axe.sh
#
# Needs curl and tar. EVENKEEL_AXE names a package that lies on this machine already. Exit: 0 it is there · 1 it is not.
set -eu

cd "$(dirname "$0")/.."
version=4.10.3
sum=0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292
directory=target/axe
script=$directory/axe.min.js

skip() {
    printf 'axe: %s; pages are not looked at in a browser\n' "$*" >&2
    exit 1
}

if [ -f "$script" ] && [ "$(cat "$directory/sum" 2>/dev/null)" = "$sum" ]; then
    echo "$script"
    exit 0
fi
mkdir -p "$directory"
package=${EVENKEEL_AXE:-}
if [ -z "$package" ]; then
    package=$directory/axe.tgz.part
    curl --silent --show-error --fail --location --retry 2 --connect-timeout 10 --max-time 120 --output "$package" \
        "https://registry.npmjs.org/axe-core/-/axe-core-$version.tgz" || skip "axe-core $version could not be fetched"
fi
if ! printf '%s  %s\n' "$sum" "$package" | sha256sum --check --status; then
    skip "$package is not axe-core $version: its SHA-256 is another"
fi
tar -xzf "$package" -C "$directory" --strip-components=1 package/axe.min.js package/LICENSE
rm -f "$directory/axe.tgz.part"
printf '%s' "$sum" >"$directory/sum"
echo "$script"
