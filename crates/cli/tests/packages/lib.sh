# What the scenarios of a private root share. Sourced by each of them.

# run NAME COMMAND…: its output and exit status, in a form that the test reads.
run() {
    printf '%%%%%%%% %s\n' "$1"
    shift
    if "$@" </dev/null >/tmp/said 2>&1; then exit=0; else exit=$?; fi
    cat /tmp/said
    printf '\n%%%%%%%%= %s\n' "$exit"
}

base=$(dpkg-deb -f /debs/nginx-common_*.deb Version)

# bump PACKAGE N EDIT: the package of /debs with version BASE+evkN, after EDIT was run in its unpacked directory.
bump() (
    mkdir -p /repo && cd /repo
    rm -rf unpacked
    dpkg-deb -R /debs/"$1"_*.deb unpacked
    sed -i "s/^Version: .*/Version: $base+evk$2/" unpacked/DEBIAN/control
    (cd unpacked && eval "$3")
    dpkg-deb -Znone -b --root-owner-group unpacked . >/dev/null
    rm -rf unpacked
)

# publish: what lies in /repo is what apt finds, and nothing else.
publish() {
    (cd /repo && dpkg-scanpackages -m . >Packages 2>/dev/null && {
        printf 'Origin: Shop\nLabel: Shop\nSuite: stable\nCodename: shop\nDate: %s\nSHA256:\n ' "$(date -Ru)"
        printf '%s %s Packages\n' "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)"
    } >Release)
    apt-get update -qq
}

# furnish: packages as they come, apt with nothing but /repo, one site on 127.0.0.1:8088, hooks in place, adopted.
furnish() {
    rm -rf /etc/apt/sources.list.d /var/lib/apt/lists /etc/apt/apt.conf.d/docker* /usr/sbin/policy-rc.d /var/lib/evenkeel
    mkdir -p /repo
    echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list
    # A manual is of no use here.
    rm -f /var/lib/man-db/auto-update
    [ "$(version nginx-common)$(version nginx)$(dpkg -V nginx-common nginx)" = "$base ii $base ii " ] ||
        dpkg --force-confask --force-confnew --force-confmiss -i /debs/nginx-common_*.deb /debs/nginx_*.deb >/dev/null 2>&1
    rm -f /etc/nginx/sites-enabled/default /etc/nginx/*.dpkg-* /etc/nginx/*/*.dpkg-* /etc/nginx/conf.d/*
    # The dynamic modules of this machine are not the question here.
    rm -f /etc/nginx/modules-enabled/*
    cat >/etc/nginx/sites-enabled/shop.conf <<'X'
server {
    listen 127.0.0.1:8088;
    server_name shop.test;
    location / { include proxy_params; proxy_pass http://shop; }
    location = /who { return 200 "the shop"; }
}
X
    echo 'upstream shop { server 127.0.0.1:9001; }' >/etc/nginx/conf.d/upstreams.conf
    # dpkg's log knows whole seconds: what was installed above is not of the second in which a scenario begins.
    second=$(date +%s)
    until [ "$(date +%s)" != "$second" ]; do sleep 0.05; done
    evenkeel package install >/dev/null
    evenkeel adopt --message 'as found' >/dev/null
}

# answer PATH: what nginx says.
answer() { curl -s -m 3 -H 'Host: shop.test' "http://127.0.0.1:8088$1"; }
version() { dpkg-query -W -f '${Version} ${db:Status-Abbrev}' "$1"; }
master() { cat /run/nginx.pid; }
