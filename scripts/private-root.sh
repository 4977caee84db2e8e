#!/bin/sh
# A private root to change packages in: this machine's own files under an overlay whose upper layer is memory, in namespaces
# of its own (mounts, processes, network). Nothing that happens there is on the machine afterwards. It takes root.
#
#   unshare --mount --pid --fork --kill-child --net --uts sh private-root.sh [FROM:TO]… -- COMMAND…
#
# FROM, a file or a directory of this machine, is TO there.
set -eu

mount --make-rprivate /
mount -t tmpfs -o mode=0755 private-root /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay private-root -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -p old-root run/lock
while [ "$1" != -- ]; do
    from=${1%%:*} to=${1#*:}
    to=./${to#/}
    mkdir -p "$(dirname "$to")"
    if [ -d "$from" ]; then mkdir -p "$to"; else touch "$to"; fi
    mount --bind "$from" "$to"
    shift
done
shift
pivot_root . old-root
umount -l /old-root
ip link set lo up
hostname web-1
unset SUDO_USER SUDO_UID
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive TERM=dumb
cd /
# Not by exec: the first process of a root takes leave of those that nobody else waits for.
"$@"
