. /srv/lib.sh
furnish
# The site's upstream belongs to a package: the tree that is released has it as the package shipped it.
rm /etc/nginx/conf.d/upstreams.conf
shop() { # VERSION PORT
    rm -rf /tmp/shop && mkdir -p /tmp/shop/DEBIAN /tmp/shop/etc/nginx/conf.d
    printf 'Package: shop-nginx\nVersion: %s\nArchitecture: all\nMaintainer: nobody <n@invalid>\nDescription: the way to the shop\n' "$1" >/tmp/shop/DEBIAN/control
    printf 'upstream shop { server 127.0.0.1:%s; }\n' "$2" >/tmp/shop/etc/nginx/conf.d/shop-upstream.conf
    echo /etc/nginx/conf.d/shop-upstream.conf >/tmp/shop/DEBIAN/conffiles
    printf '#!/bin/sh\nset -e\ninvoke-rc.d nginx reload\n' >/tmp/shop/DEBIAN/postinst
    chmod 755 /tmp/shop/DEBIAN/postinst
    dpkg-deb -Znone -b --root-owner-group /tmp/shop /repo >/dev/null
}
shop 1.0 9001
dpkg -i /repo/shop-nginx_1.0_all.deb >/dev/null 2>&1
cat >/tmp/app.conf <<'X'
pid /tmp/app.pid; error_log /tmp/app.log;
events {}
http { access_log off; server { listen 127.0.0.1:9001; location / { return 200 "shop"; } } }
X
nginx -c /tmp/app.conf
nginx
evenkeel adopt --message 'the shop is up' >/dev/null
run before answer /
shop 1.1 8080
publish
run upgrade apt-get -y upgrade
i=0
while [ "$(answer /)" = shop ] && [ $i -lt 50 ]; do i=$((i + 1)); sleep 0.1; done
run broken answer /
run shown evenkeel show packages
run status evenkeel status
run rollback evenkeel rollback --message 'the update took the shop away'
run after answer /
run history evenkeel history
nginx -s quit
kill "$(cat /tmp/app.pid)"
