# A machine with Debian's nginx, on the tree of this stand, and with version 2.0 of a package of the shop, which says where the
# shop listens. Version 2.1, with a port of its own, is in the repository that apt asks.

# package VERSION FILE: shop-proxy, with FILE as its one conffile.
package() {
    mkdir -p "$DIR/package/DEBIAN" "$DIR/package$DIR/etc/conf.d" /repo
    cp "$2" "$DIR/package$DIR/etc/conf.d/upstreams.conf"
    sed "s/^Version: .*/Version: $1/" "$ENTRY/package/DEBIAN/control" >"$DIR/package/DEBIAN/control"
    echo "$DIR/etc/conf.d/upstreams.conf" >"$DIR/package/DEBIAN/conffiles"
    printf '#!/bin/sh\nset -e\ninvoke-rc.d nginx reload\n' >"$DIR/package/DEBIAN/postinst"
    chmod 755 "$DIR/package/DEBIAN/postinst"
    dpkg-deb -Znone --root-owner-group --build "$DIR/package" "/repo/shop-proxy_$1_all.deb"
    rm -r "$DIR/package"
}

rm -rf /etc/apt/sources.list.d /var/lib/apt/lists /etc/apt/apt.conf.d/docker* /usr/sbin/policy-rc.d /var/lib/man-db/auto-update
# Its init script looks here.
rm -rf /etc/nginx
ln -s "$DIR/etc" /etc/nginx

package 2.0 "$DIR/etc/conf.d/upstreams.conf"
package 2.1 "$DIR/new/conf.d/upstreams.conf"
dpkg -i /repo/shop-proxy_2.0_all.deb
(
    cd /repo
    for deb in *.deb; do
        dpkg-deb -f "$deb"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
    done >Packages
)
echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list
apt-get update
# dpkg's log knows whole seconds: what was installed here is not of the second in which an act begins.
second=$(date +%s)
until [ "$(date +%s)" != "$second" ]; do sleep 0.05; done
