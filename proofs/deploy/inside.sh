#!/bin/sh
# The first program in a container's namespaces: puts the tree together and becomes its systemd (container.py).
# inside.sh TREE OWN ADDRESS GATEWAY: OWN is the container's folder, with files.tar to put over the tree. It goes on when
# it reads a line: by then the cable is there.
set -eu
tree=$1 own=$2 address=$3 gateway=$4
root=$own/root

read -r _
ip link set lo up
ip addr add "$address/30" dev host0
ip link set host0 up
ip route add default via "$gateway"

mount --make-rprivate /
mkdir "$own/upper" "$own/work" "$root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$own/upper,workdir=$own/work" "$root"
tar -C "$root" --numeric-owner -xpf "$own/files.tar"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# To be written to: by nothing else does systemd start udev, which the roles tell to read its rules.
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"

# What is set in the kernel is this machine's, too: the container sets a copy. The network's settings are its own.
mkdir "$root/run/kernel"
for each in kernel fs vm dev debug; do
  [ -d "/proc/sys/$each" ] || continue
  # Some can't be read, and some only be read.
  cp -r "/proc/sys/$each" "$root/run/kernel/" 2>/dev/null || true
  chmod -R u+w "$root/run/kernel/$each"
  mount --bind "$root/run/kernel/$each" "$root/proc/sys/$each"
done
# Numbers drawn anew at each reading.
mount --bind /proc/sys/kernel/random "$root/proc/sys/kernel/random"

# Nodes of its own: systemd gives those of its console another owner and mode.
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for each in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 console:1:3; do
  numbers=${each#*:}
  mknod -m 666 "$root/dev/${each%%:*}" c "${numbers%:*}" "${numbers#*:}"
done
[ ! -e /proc/sysrq-trigger ] || mount --bind "$root/dev/null" "$root/proc/sysrq-trigger"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

cd "$root"
mkdir -p run/host
pivot_root . run/host
umount -l /run/host
exec env -i container=kiosk-proof PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system </dev/null
