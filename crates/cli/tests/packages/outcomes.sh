. /srv/lib.sh
furnish
for file in fastcgi_params uwsgi_params; do echo "# changed here" >>/etc/nginx/$file; done
rm /etc/nginx/scgi_params
evenkeel adopt --message 'changed here' >/dev/null

# Each version changes the same files; the second one's new file is in a directory that nginx reads.
bump nginx-common 1 'for f in mime.types fastcgi_params scgi_params; do echo "# one" >>etc/nginx/$f; done
    mkdir -p etc/nginx/conf.d && echo "# a new file" >etc/nginx/conf.d/new.conf
    echo /etc/nginx/conf.d/new.conf >>DEBIAN/conffiles'
publish
run kept apt-get -y -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef upgrade
run kept-shown evenkeel --json show packages
run kept-disk ls /etc/nginx
rm -f /etc/nginx/*.dpkg-*

bump nginx-common 2 'for f in fastcgi_params; do echo "# two" >>etc/nginx/$f; done'
publish
run overwritten apt-get -y -o Dpkg::Options::=--force-confnew upgrade
run overwritten-shown evenkeel --json show packages
rm -f /etc/nginx/*.dpkg-*

bump nginx-common 3 'for f in uwsgi_params mime.types; do echo "# three" >>etc/nginx/$f; done'
publish
run undecided apt-get -y upgrade
run undecided-shown evenkeel --json show packages
run undecided-version version nginx-common
run settled dpkg --force-confold --configure -a

# A plain dpkg is asked, too, by its own hook; and what nginx has no part in goes by without a word.
bump nginx-common 4 'echo "# four" >>etc/nginx/mime.types'
run plain dpkg --force-confold -i /repo/nginx-common_*+evk4_all.deb
run plain-shown evenkeel --json show packages
mkdir -p /tmp/other/DEBIAN
printf 'Package: other\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@invalid>\nDescription: other\n' >/tmp/other/DEBIAN/control
dpkg-deb -Znone -b /tmp/other /repo >/dev/null
publish
run other apt-get -y install other
run history evenkeel --json history
