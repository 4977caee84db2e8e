. /srv/lib.sh
furnish
# It owns no file of the tree: its script writes there.
mkdir -p /tmp/proxy/DEBIAN
printf 'Package: shop-proxy\nVersion: 2.1\nArchitecture: all\nMaintainer: nobody <n@invalid>\nDescription: ports\n' >/tmp/proxy/DEBIAN/control
printf '#!/bin/sh\nset -e\nsed -i s/9001/8080/ /etc/nginx/conf.d/upstreams.conf\n' >/tmp/proxy/DEBIAN/postinst
chmod 755 /tmp/proxy/DEBIAN/postinst
dpkg-deb -Znone -b --root-owner-group /tmp/proxy /repo >/dev/null
publish
run install apt-get -y install shop-proxy
run shown evenkeel --json show packages

# Somebody's edit is not the work of the packages that come later.
echo '# by hand' >>/etc/nginx/conf.d/upstreams.conf
bump nginx-common 1 'echo "# one" >>etc/nginx/mime.types'
publish
run later apt-get -y upgrade
run later-shown evenkeel --json show packages
