. /srv/lib.sh
furnish
nginx
run before answer /who
was=$(master)
# Both packages, so that the maintainer script of nginx wants a restart; nginx.conf is as it was shipped.
bump nginx-common 1 'sed -i "s/^http {/http {\n\tno_such_directive on;/" etc/nginx/nginx.conf'
bump nginx 1 :
publish
run stopped apt-get -y upgrade
run stopped-version version nginx-common
run stopped-plain dpkg -i /repo/nginx-common_*.deb /repo/nginx_*.deb
run stopped-shown evenkeel --json show packages

run overridden env EVENKEEL_PACKAGE_OVERRIDE='checked by hand' apt-get -y upgrade
run overridden-version version nginx-common
run overridden-shown evenkeel --json show packages
run still-answers answer /who
run same-master test "$was" = "$(master)"
run held invoke-rc.d --disclose-deny nginx restart
run held-status evenkeel package status
run status evenkeel status
run needrestart perl -e 'our %nrconf = (override_rc => {}); do "/etc/needrestart/conf.d/evenkeel.conf" or die "$@ $!"; print map { "$_ => $nrconf{override_rc}{$_}\n" } keys %{$nrconf{override_rc}};'

run rollback evenkeel rollback --message 'the package broke it'
run lifted invoke-rc.d --disclose-deny nginx reload
run after answer /who
run needrestart-after perl -e 'our %nrconf = (override_rc => {}); do "/etc/needrestart/conf.d/evenkeel.conf" or die "$@ $!"; print map { "$_ => $nrconf{override_rc}{$_}\n" } keys %{$nrconf{override_rc}};'
run history evenkeel --json history
nginx -s quit
