#!/bin/sh
# Fetches Debian's own packages of nginx, and a few that upgrade packages, to target/nginx-debs, for the tests that repack and
# install them in a private root. Nothing is installed here. Says where they are; fails, quietly, where there is no apt.
set -eu

cd "$(dirname "$0")/.."
debs=target/nginx-debs
command -v apt-get >/dev/null 2>&1 || exit 1
mkdir -p "$debs"
cd "$debs"
for package in nginx-common nginx unattended-upgrades needrestart python3-distro-info; do
    case $(echo "$package"_*.deb) in
    *\**) ;;
    *) continue ;;
    esac
    # apt-get wants to write beside the archive as another user, and may not: it says so, and goes on.
    apt-get -qq download "$package" >/dev/null 2>.said || {
        cat .said >&2
        exit 1
    }
done
rm -f .said
pwd
