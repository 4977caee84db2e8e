. /srv/lib.sh
furnish
bump nginx-common 1 'echo "# one" >>etc/nginx/mime.types'
publish
evenkeel freeze --message 'big sale' >/dev/null
run frozen apt-get -y upgrade
run frozen-version version nginx-common
run apt-option apt-get -y -o Evenkeel::Override='security fix' upgrade
run apt-option-shown evenkeel --json history
evenkeel thaw >/dev/null

# From here on it is we who fail, each time in another way; packages go on.
bump nginx-common 2 'echo "# two" >>etc/nginx/mime.types'
publish
mkdir /tmp/kept && mv /var/lib/evenkeel/journal.db* /tmp/kept
echo 'no journal' >/var/lib/evenkeel/journal.db
run journal apt-get -y upgrade
run journal-version version nginx-common
rm /var/lib/evenkeel/journal.db* && mv /tmp/kept/* /var/lib/evenkeel

bump nginx-common 3 'echo "# three" >>etc/nginx/mime.types'
publish
mount -t tmpfs -o size=64k,mode=0700 full /var/lib/evenkeel
dd if=/dev/zero of=/var/lib/evenkeel/fill 2>/dev/null || :
run full-disk apt-get -y upgrade
run full-disk-version version nginx-common
umount /var/lib/evenkeel

bump nginx-common 4 'echo "# four" >>etc/nginx/mime.types'
publish
umount /usr/bin/evenkeel
rm /usr/bin/evenkeel
run gone apt-get -y upgrade
run gone-version version nginx-common
run gone-policy /usr/sbin/policy-rc.d nginx restart
