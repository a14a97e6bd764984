#!/bin/sh
# The picamera2 driver on the unmodified picamera2 and libcamera's virtual camera, in a Debian 13 tree of its own:
#   tests/drivers/camera/wire/camera-wire.sh [PYTEST ARGUMENTS]
# Makes the tree in build/camera-wire once (root, mmdebstrap, a Debian mirror, PyPI; 3 to 5 minutes, 2 GB), then runs
# the conformance suite and test_wire.py in it, in seconds. KIOSK_DEBIAN_13 names a tree to use instead.
set -eu
cd "$(dirname "$0")/../../../.."
here=$PWD
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf 'camera-wire: %s\n' "$*" >&2; exit 1; }

tree=${KIOSK_DEBIAN_13:-$here/build/camera-wire}
packages="python3-libcamera,libcamera-ipa,python3-opencv,python3-numpy,python3-pil,python3-prctl,python3-venv,python3-dev,libcap-dev,gcc,libc6-dev,ca-certificates"
from_pypi="picamera2==0.3.38"
# picamera2's own dependencies but OpenEXR, which only saving HDR pictures uses
needs="setuptools wheel pidng piexif simplejpeg videodev2 av libarchive-c tqdm jsonschema pytest pytest-asyncio pytest-timeout"

[ "$(id -u)" = 0 ] || die "run it as root: it makes a Debian 13 tree and enters it"
if [ ! -e "$tree/usr/lib/python3/dist-packages/libcamera" ]; then
  if ! command -v mmdebstrap >/dev/null; then
    command -v apt-get >/dev/null || die "mmdebstrap is missing"
    say "installing Debian packages: mmdebstrap debian-archive-keyring"
    apt-get -q -y update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends mmdebstrap debian-archive-keyring >/dev/null
  fi
  mkdir -p "$tree.new"
  free=$(df -Pm "$tree.new" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge 2500 ] || die "$free MB are free at $(dirname "$tree"), and the tree takes 2,500: make room, or name another in KIOSK_DEBIAN_13"
  say "making a Debian 13 tree in $tree"
  trap 'rm -rf "$tree.new"' EXIT # half a tree would be in the way of the next run
  mmdebstrap --quiet --variant=minbase --include="$packages" trixie "$tree.new"
  rm -rf "$tree"
  mv "$tree.new" "$tree"
fi
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
  [ ! -e "$file" ] || { mkdir -p "$tree$(dirname "$file")"; cp "$file" "$tree$file"; }
done

inside() { # in a mount namespace of its own: nothing is left mounted
  unshare -m --propagation private sh -c '
    tree=$1 here=$2; shift 2
    mount --bind /dev "$tree/dev"; mount -t proc proc "$tree/proc"; mount -t tmpfs tmpfs "$tree/dev/shm"
    mkdir -p "$tree/kiosk" && mount --bind -o ro "$here" "$tree/kiosk"
    cd / && exec chroot "$tree" env -u LD_PRELOAD HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -euc "$1"
  ' sh "$tree" "$here" "$1"
}

if [ ! -e "$tree/opt/camera/ready" ]; then
  say "installing $from_pypi and what it needs"
  inside "python3 -m venv --system-site-packages /opt/camera
    /opt/camera/bin/pip install -q --disable-pip-version-check --prefer-binary $needs
    /opt/camera/bin/pip install -q --disable-pip-version-check --no-deps $from_pypi
    touch /opt/camera/ready"
fi

# Three pictures, round and round: red, green, blue.
inside "
  mkdir -p /frames /usr/share/libcamera/pipeline/virtual
  gcc -O2 -shared -fPIC -o /opt/dmaheap.so /kiosk/tests/drivers/camera/wire/dmaheap.c
  cp /kiosk/tests/drivers/camera/wire/virtual.yaml /usr/share/libcamera/pipeline/virtual/
  cd /kiosk # -W: picamera2 leaves files to the garbage collector and starts threads in an old way
  /opt/camera/bin/python -c '
import cv2, numpy
for number, colour in enumerate([(20, 30, 220), (30, 200, 30), (220, 30, 20)]):
    cv2.imwrite(f\"/frames/{number}.jpg\", numpy.full((480, 640, 3), colour, numpy.uint8))'
  export LD_PRELOAD=/opt/dmaheap.so PYTHONDONTWRITEBYTECODE=1 KIOSK_VIRTUAL_CAMERA=1 LIBCAMERA_LOG_LEVELS='*:ERROR'
  # libcamera 0.4.0's virtual pipeline leaves a frame's status as malloc gave it: give zeros (255 inverted), which say success.
  export GLIBC_TUNABLES=glibc.malloc.perturb=255:glibc.malloc.tcache_count=0
  /opt/camera/bin/python -m pytest -q -p no:cacheprovider --noconftest $* \
    -W ignore::ResourceWarning -W ignore::DeprecationWarning -W ignore::pytest.PytestUnraisableExceptionWarning \
    'tests/drivers/camera/test_wire.py' 'tests/drivers/camera/test_conformance.py' -k 'picamera2 or wire'
"
