. /srv/lib.sh
furnish
run remove evenkeel package remove
run gone sh -c 'ls /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/80evenkeel /etc/dpkg/dpkg.cfg.d/evenkeel /etc/systemd/system/nginx.service.d /etc/systemd/system/evenkeel-recover.service /etc/systemd/system/evenkeel-recover.timer'
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
evenkeel package install >/dev/null
run policy-of-the-admin /usr/sbin/policy-rc.d nginx restart
run policy-of-another-service /usr/sbin/policy-rc.d cron restart
evenkeel package remove >/dev/null
run policy-is-back cat /usr/sbin/policy-rc.d
rm /usr/sbin/policy-rc.d
evenkeel package install >/dev/null
run status evenkeel package status
run policy-good /usr/sbin/policy-rc.d nginx restart
echo 'broken' >/etc/nginx/conf.d/broken.conf
run policy-broken /usr/sbin/policy-rc.d nginx restart
run policy-stop /usr/sbin/policy-rc.d nginx stop
run policy-rotate /usr/sbin/policy-rc.d nginx rotate
rm /etc/nginx/conf.d/broken.conf
run unit evenkeel package unit start
run unit-history evenkeel --json history
run drop-in systemd-analyze verify --recursive-errors=no nginx.service
run recover-unit systemd-analyze verify --recursive-errors=no evenkeel-recover.service evenkeel-recover.timer
run recover evenkeel recover
run drop-in-read systemd-analyze cat-config systemd/system/nginx.service.d/evenkeel.conf
run apt apt-config dump DPkg
