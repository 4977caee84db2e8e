#!/bin/sh
# A private root to change packages in: this machine's own files under an overlay whose upper layer is memory, in namespaces
# of its own (mounts, processes, network). Nothing that happens there is on the machine afterwards.
#
#   unshare --mount --pid --fork --kill-child --net --uts sh enter.sh EVENKEEL DEBS SCRIPT
#
# EVENKEEL becomes /usr/bin/evenkeel there, DEBS (a directory) /debs, and SCRIPT is run by sh -eu.
set -eu

evenkeel=$1 debs=$2 script=$3
here=$(cd "$(dirname "$0")" && pwd)
mount --make-rprivate /
mount -t tmpfs -o mode=0755 private-root /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay private-root -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=0755 tmpfs run
mkdir -p debs old-root run/lock usr/bin
touch usr/bin/evenkeel script
mount --bind "$evenkeel" usr/bin/evenkeel
mount --bind "$debs" debs
mount --bind "$script" script
mount --bind "$here" srv
pivot_root . old-root
umount -l /old-root
ip link set lo up
hostname web-1
unset SUDO_USER SUDO_UID
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive TERM=dumb
exec sh -eu /script
