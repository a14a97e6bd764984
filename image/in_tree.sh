#!/bin/sh
# The last steps inside the tree, run by chroot: compiles Python, makes the initial RAM disk, and takes away what is of
# this build alone. Wants RELEASE, the release's folder, and SOURCE_DATE_EPOCH.
set -eu
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin

step=$1
case $step in
  compile)
    # The root is read-only: what isn't compiled now is compiled at every start. Checked by nothing, so no times in it.
    # What can't be (code for another Python, in a package's tests) isn't: compileall's own status says no more.
    /usr/bin/python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash $RELEASE >/dev/null || true
    ;;
  undivert | initrd)
    if [ -L /usr/sbin/update-initramfs ]; then
      rm /usr/sbin/update-initramfs
      dpkg-divert --quiet --local --rename --remove /usr/sbin/update-initramfs
    fi
    [ "$step" = initrd ] || exit 0
    # Kept for later commits: its times are of none.
    export SOURCE_DATE_EPOCH=1
    for kernel in /lib/modules/*; do
      rm -f "/boot/initrd.img-${kernel##*/}"
      update-initramfs -c -k "${kernel##*/}"
    done
    ;;
  clean)
    rm -rf /root/.ansible /root/.cache /var/cache/apt/*.bin /var/lib/apt/lists/* /var/cache/debconf/*-old \
      /var/lib/dpkg/*-old /var/log/* /var/cache/ldconfig/aux-cache /etc/ssh/ssh_host_* /etc/.pwd.lock \
      /etc/apt/apt.conf.d/99mmdebstrap /etc/dpkg/dpkg.cfg.d/99mmdebstrap /etc/passwd- /etc/group- /etc/shadow- \
      /etc/gshadow- /etc/subuid- /etc/subgid- /var/lib/systemd/catalog/database /var/lib/dbus/machine-id \
      /var/cache/fontconfig /var/lib/systemd/random-seed /var/lib/initramfs-tools/*
    # Debian's own tools compile themselves when first run, by that moment's settings; no kiosk runs them.
    rm -rf /usr/share/python3/debpython/__pycache__
    mkdir -p /var/log/journal /var/lib/systemd
    # Empty, not absent: the machine's own number is laid over it at each boot.
    : >/etc/machine-id
    chmod 444 /etc/machine-id
    # Nothing is newer than what follows from it: else caches are made anew at every boot, in RAM.
    for folder in /etc /var; do
      printf '# Made by image/in_tree.sh\nTIMESTAMP_NSEC=%s000000000\n' "$SOURCE_DATE_EPOCH" >"$folder/.updated"
    done
    # shadow(5) has the day a password was set; the day of the build is no fact about the image.
    day=$((SOURCE_DATE_EPOCH / 86400))
    sed -i -E "s/^([^:]*:[^:]*:)[0-9]+:/\\1$day:/" /etc/shadow
    # What the build made and kept may be of an earlier commit's: all of it is of this moment.
    # So are the folders for temporary files, used or not.
    find /opt /boot /tmp /var/tmp -xdev -print0 | xargs -0r touch -h -d "@$SOURCE_DATE_EPOCH"
    find / -xdev -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0r touch -h -d "@$SOURCE_DATE_EPOCH"
    ;;
  *)
    echo "in_tree.sh: no step $step" >&2
    exit 2
    ;;
esac
