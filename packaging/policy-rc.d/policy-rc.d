#!/bin/sh
# Put here by `evenkeel package install`, taken away by `evenkeel package remove`.
#
# Asked by invoke-rc.d and deb-systemd-invoke, which is how packages start and restart services. It answers 101 (no) where
# nginx would not come up with what is on disk, or a package has left what Evenkeel holds back; else what the policy
# answers that stood here before. `systemctl restart nginx`, typed by a person, asks nobody.
before=/usr/sbin/policy-rc.d.before-evenkeel
if [ -x "$before" ]; then
    "$before" "$@"
    said=$?
    case $said in 0 | 104) ;; *) exit $said ;; esac
fi
for word in "$@"; do
    case $word in
    -*) ;;
    nginx | nginx.service)
        @COMMAND@ package policy "$@" >&2
        if [ $? -eq 1 ]; then exit 101; fi
        break
        ;;
    *) break ;;
    esac
done
exit "${said:-0}"
