# A routine update: the new version brings its own upstreams.conf, and is told to take it.
mkdir -p /tmp/shop-proxy/DEBIAN /tmp/shop-proxy/etc/nginx/conf.d
cat >/tmp/shop-proxy/DEBIAN/control <<'CONTROL'
Package: shop-proxy
Version: 2.0
Architecture: all
Maintainer: The shop <shop@shop.lab>
Description: nginx in front of the shop
 Tells nginx where the shop listens.
CONTROL
echo /etc/nginx/conf.d/upstreams.conf >/tmp/shop-proxy/DEBIAN/conffiles
cat >/tmp/shop-proxy/DEBIAN/postinst <<'POSTINST'
#!/bin/sh
[ "$1" != configure ] || nginx -s reload
POSTINST
chmod 755 /tmp/shop-proxy/DEBIAN/postinst
cat >/tmp/shop-proxy/etc/nginx/conf.d/upstreams.conf <<'CONF'
# Where the shop listens. Installed by shop-proxy 2.0.
upstream shop {
    server 127.0.0.1:8080;
}

upstream reports {
    server 127.0.0.1:8090;
}
CONF
dpkg-deb --root-owner-group --build /tmp/shop-proxy /tmp/shop-proxy_2.0_all.deb
dpkg --force-confnew --install /tmp/shop-proxy_2.0_all.deb
