. /srv/lib.sh
furnish
# Beside the system, then into it: /lib is a link, which unpacking over it would replace.
for deb in /debs/unattended-upgrades_*.deb /debs/python3-distro-info_*.deb; do dpkg-deb -x "$deb" /tmp/unattended; done
cp -a /tmp/unattended/usr /tmp/unattended/etc /
cat >/etc/apt/apt.conf.d/50unattended-upgrades <<'X'
Unattended-Upgrade::Origins-Pattern { "origin=Shop"; };
Unattended-Upgrade::OnlyOnACPower "false";
Unattended-Upgrade::Skip-Updates-On-Metered-Connections "false";
Dpkg::Options { "--force-confold"; "--force-confdef"; };
X
nginx
echo "# changed here" >>/etc/nginx/fastcgi_params
rm /etc/nginx/scgi_params
evenkeel adopt --message 'changed here' >/dev/null
bump nginx-common 1 'for f in mime.types fastcgi_params scgi_params; do echo "# one" >>etc/nginx/$f; done
    mkdir -p etc/nginx/conf.d && echo "# a new file" >etc/nginx/conf.d/new.conf
    echo /etc/nginx/conf.d/new.conf >>DEBIAN/conffiles'
bump nginx 1 :
publish
run upgrade unattended-upgrade --verbose
run version version nginx-common
run shown evenkeel --json show packages
run history evenkeel --json history
run answers answer /who

# The next one would take nginx down: it is left out, and said so.
bump nginx-common 2 'sed -i "s/^http {/http {\n\tno_such_directive on;/" etc/nginx/nginx.conf'
publish
run refused unattended-upgrade --verbose
run refused-version version nginx-common
run refused-shown evenkeel --json show packages
run refused-answers answer /who
nginx -s quit
