. /srv/lib.sh
furnish
evenkeel package remove >/dev/null
for file in fastcgi_params uwsgi_params; do echo "# changed here" >>/etc/nginx/$file; done
rm /etc/nginx/scgi_params
evenkeel adopt --message 'changed here' >/dev/null

# adopted NAME: what differs is told, and is as released from then on.
adopted() {
    run "$1" evenkeel --json drift
    rm -f /etc/nginx/*.dpkg-*
    evenkeel adopt --message "$1" >/dev/null
}

bump nginx-common 1 'for f in fastcgi_params scgi_params; do echo "# one" >>etc/nginx/$f; done'
publish
apt-get -y -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef upgrade >/dev/null 2>&1
adopted kept

bump nginx-common 2 'echo "# two" >>etc/nginx/fastcgi_params'
publish
apt-get -y -o Dpkg::Options::=--force-confnew upgrade >/dev/null 2>&1
adopted overwritten

bump nginx-common 3 'for f in fastcgi_params; do echo "# two" >>etc/nginx/$f; done; echo "# three" >>etc/nginx/mime.types'
publish
apt-get -y -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef upgrade >/dev/null 2>&1
adopted replaced

bump nginx-common 4 'for f in fastcgi_params; do echo "# two" >>etc/nginx/$f; done; echo "# three" >>etc/nginx/mime.types
    mkdir -p etc/nginx/conf.d && echo "# a new file" >etc/nginx/conf.d/new.conf
    echo /etc/nginx/conf.d/new.conf >>DEBIAN/conffiles'
publish
apt-get -y -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef upgrade >/dev/null 2>&1
adopted appeared

bump nginx-common 5 'for f in fastcgi_params; do echo "# two" >>etc/nginx/$f; done; echo "# three" >>etc/nginx/mime.types
    echo "# five" >>etc/nginx/uwsgi_params; mkdir -p etc/nginx/conf.d && echo "# a new file" >etc/nginx/conf.d/new.conf
    echo /etc/nginx/conf.d/new.conf >>DEBIAN/conffiles'
publish
apt-get -y upgrade </dev/null >/dev/null 2>&1 || true
run undecided evenkeel --json drift
