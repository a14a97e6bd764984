"""The stock machine as a container: its tree under an own systemd in Linux namespaces, with an address on a cable here.

Sandboxes, firewall, sign-in and packages are as on a machine; the kernel is this machine's, and what a root in there
sets of the kernel stays in there (inside.sh). The network is a cable that ends here: no further than to this process,
which fetches Debian's packages for it (proxy.py). Namespaces end with their processes and those with this one,
however that ends; what then remains are a folder and a cgroup, which the next run sweeps away.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from image.archive import state_of
from proofs.deploy.door import Door, MachineFailed
from proofs.deploy.proxy import own_proxy, proxy
from proofs.deploy.stock import KEYS, RECIPE, SOURCES, UID, sources_here

PROGRAMS: Final = {
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "tar": "tar",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
_INSIDE: Final = Path(__file__).with_name("inside.sh")
_NAMESPACES: Final = ("--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup")
_CGROUP: Final = "kiosk-proof"
# There is no terminal. The kernel's devices are this machine's: they are not announced anew, and it isn't debugged.
# Its network is there before it starts, and networkd, which did nothing for that, would wait for it until it gives up.
_MASKED: Final = (
    "console-getty.service",
    "systemd-networkd-wait-online.service",
    "systemd-udev-trigger.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
)
# Each container has four addresses of it, as a network of its own: none, this end, its end, all.
_NET: Final = "10.215"
_NETS: Final = 1 << 14
_GONE_S: Final = 20.0
_LOOK_S: Final = 0.05
_SAID: Final = 1500


def why_not(folder: Path) -> str | None:
    """Why no container can run here with its files under `folder`; None when it can."""
    if os.geteuid() != 0:
        return "a container needs root: sudo, or the machine in QEMU (--target qemu)"
    lacking = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if lacking:
        return f"programs are missing; on Debian: apt-get install {' '.join(lacking)}"
    mounted = cgroups(Path("/proc/self/mounts").read_text(encoding="utf-8"))
    if mounted is None or not os.access(mounted, os.W_OK):
        return "no cgroup v2 is mounted here that can be written to; a container in a container needs --privileged"
    folder.mkdir(parents=True, exist_ok=True)
    trial = folder / f".trial-{os.getpid()}"
    try:
        for each in ("lower", "upper", "work", "root"):
            (trial / each).mkdir(parents=True)
        options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
        words = ["unshare", *_NAMESPACES, "--fork", "mount", "-t", "overlay", "overlay", "-o", options, f"{trial}/root"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"no namespaces, or no overlay over a folder of {folder}: {done.stderr.strip()}"
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    return None


def see_the_archive() -> None:
    """See that Debian's packages can be had.

    Raises:
        MachineFailed: they can't; the text says what to look at.
    """
    if state_of(RECIPE) is None:
        raise MachineFailed(
            "Debian's archive can't be reached, and a kiosk's packages come from there: is this machine's apt "
            "set up (sources, proxy), and is there a network?"
        )


def cgroups(mounts: str) -> Path | None:
    """Where the one tree of cgroups of version 2 is, by the lines of /proc/self/mounts; None when it isn't mounted."""
    for line in mounts.splitlines():
        _, where, kind, *_ = line.split(" ")
        if kind == "cgroup2":
            return Path(where)
    return None


def command(cgroup: Path, tree: Path, own: Path, address: str, gateway: str) -> list[str]:
    """What starts a container of `tree` with its own folder `own`: in `cgroup`, and dead when this process is."""
    return [
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(cgroup)),
        *("unshare", *_NAMESPACES, "--fork", "--kill-child", "--"),
        *("sh", str(_INSIDE), str(tree), str(own), address, gateway),
    ]


def sweep(mounted: Path) -> None:
    """Remove what runs that were killed left of their cgroups; those of a run that goes on stay."""
    for each in mounted.glob(f"{_CGROUP}-*"):
        pid = each.name.split("-")[2]
        if not Path(f"/proc/{pid}").exists():
            remove_cgroup(each)


def remove_cgroup(cgroup: Path) -> None:
    """End whatever is in it, and remove it with all below; nothing, when it isn't there.

    Raises:
        MachineFailed: something in it doesn't end.
    """
    if not cgroup.exists():
        return
    kill = cgroup / "cgroup.kill"
    if kill.exists():  # before Linux 5.14 it isn't: then all ended with the first process
        kill.write_text("1", encoding="ascii")
    until = time.monotonic() + _GONE_S
    while cgroup.exists():
        for folder in sorted((each for each in cgroup.rglob("*") if each.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        try:
            cgroup.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > until:
                raise MachineFailed(f"processes in {cgroup} don't end: {error.strerror}") from None
            time.sleep(_LOOK_S)


def free_net(taken: str, start: int) -> tuple[str, str]:
    """This end's and the container's address, of a network that `ip -o -4 addr` (`taken`) doesn't name."""
    for each in range(_NETS):
        high, low = divmod((start + each) % _NETS * 4, 256)
        here, there = f"{_NET}.{high}.{low + 1}", f"{_NET}.{high}.{low + 2}"
        if f" {here}/" not in taken:
            return here, there
    raise MachineFailed(f"all of {_NET}.0.0/16 is taken")


class Container:
    """A container of the stock `tree`, which stays as it is. Use as a context manager: it runs within."""

    scannable = True

    def __init__(self, name: str, tree: Path, folder: Path, key: Path) -> None:
        self.name = name
        self._tree = tree
        self._own = folder / name
        self._number = int("".join(each for each in name if each.isdigit()) or "0")
        self._log = folder / f"{name}.log"
        self._key = key
        self._process: subprocess.Popen[bytes] | None = None
        self._open = ExitStack()
        self._door: Door | None = None
        self._here = ""

    @property
    def gateway(self) -> str:
        """This end of its cable: what here listens there, it reaches.

        Raises:
            MachineFailed: it has not been started.
        """
        if not self._here:
            raise MachineFailed(f"{self.name} has not been started")
        return self._here

    @property
    def door(self) -> Door:
        """How to get in; there is none before it starts."""
        if self._door is None:
            raise MachineFailed(f"{self.name} has not been started")
        return self._door

    def __enter__(self) -> Container:
        problem = why_not(self._own.parent)
        if problem:
            raise MachineFailed(problem)
        with ExitStack() as stack:
            self._start(stack)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ended(self) -> str | None:
        """What its start said when it has ended; None while it runs."""
        if self._process is not None and self._process.poll() is None:
            return None
        return self._log.read_text(encoding="utf-8", errors="replace")[-_SAID:] or "it said nothing"

    def last_words(self) -> str:
        """The end of its journal."""
        words = ["nsenter", "--all", "--target", str(self.first()), "journalctl", "--no-pager", "-n", "20"]
        said = subprocess.run(words, capture_output=True, text=True, check=False)
        return (said.stdout or said.stderr)[-_SAID:]

    def first(self) -> int:
        """The number here of the container's first process, once it is there.

        Raises:
            MachineFailed: it doesn't start.
        """
        until = time.monotonic() + _GONE_S
        while self._process is not None and self._process.poll() is None:
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
            # It is unshare's child, not sh's: in a namespace of processes other than ours.
            if children and _namespace(children[0]) != _namespace("self"):
                return int(children[0])
            if time.monotonic() > until:
                break
            time.sleep(_LOOK_S)
        raise MachineFailed(f"the container doesn't start: {self.ended()}")

    def _start(self, stack: ExitStack) -> None:
        mounted = cgroups(Path("/proc/self/mounts").read_text(encoding="utf-8"))
        if mounted is None:
            raise MachineFailed("no cgroup v2 is mounted here")
        sweep(mounted)
        shutil.rmtree(self._own, ignore_errors=True)
        self._own.mkdir(parents=True)
        stack.callback(shutil.rmtree, self._own, ignore_errors=True)
        cgroup = mounted / f"{_CGROUP}-{os.getpid()}-{self.name}"
        cgroup.mkdir()
        stack.callback(remove_cgroup, cgroup)
        here, there = free_net(_done("ip", "-o", "-4", "addr"), os.getpid() + self._number)
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(
                command(cgroup, self._tree, self._own, there, here),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                start_new_session=True,  # Ctrl-C is for us: we end it in order
            )
        stack.callback(self._end)
        stack.enter_context(self._cable(here))
        port = stack.enter_context(proxy(here, own_proxy()))
        self._write_files(f"http://{here}:{port}")
        self._go()
        self._door, self._here = Door(there, 22, self._key), here

    def _end(self) -> None:
        process, self._process, self._door, self._here = self._process, None, None, ""
        if process is not None:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def _cable(self, here: str) -> Iterator[None]:
        """One end in the container as host0, the other here with the address `here`."""
        first = self.first()
        name = f"kp{os.getpid()}n{self._number}"[:15]
        _done("ip", "link", "add", name, "type", "veth", "peer", "name", "host0", "netns", str(first))
        try:
            _done("ip", "addr", "add", f"{here}/30", "dev", name)
            _done("ip", "link", "set", name, "up")
            yield
        finally:
            # Where the container is gone, it has taken the cable with it.
            subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)

    def _write_files(self, proxy_url: str) -> None:
        """What is this container's own: who is let in, where apt gets its packages."""
        public = self._key.with_suffix(".pub").read_text(encoding="ascii").strip()
        apt = "".join(f'Acquire::{each}::Proxy "{proxy_url}";\n' for each in ("http", "https"))
        unmanaged = "[Match]\nName=host0\n[Link]\nUnmanaged=yes\n"
        files = {
            KEYS: (f"{public}\n", UID, 0o600),
            SOURCES: (sources_here(), 0, 0o644),
            "etc/apt/apt.conf.d/90proof": (f'{apt}Acquire::http::Pipeline-Depth "0";\n', 0, 0o644),
            "etc/fstab": ("", 0, 0o644),
            "etc/systemd/network/10-proof.network": (unmanaged, 0, 0o644),
            # An empty unit is one that never starts.
            **{f"etc/systemd/system/{each}": ("", 0, 0o644) for each in _MASKED},
        }
        with tarfile.open(self._own / "files.tar", "w") as archive:
            for name, (text, owner, mode) in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode, member.uid, member.gid = len(text.encode()), mode, owner, owner
                archive.addfile(member, io.BytesIO(text.encode()))

    def _go(self) -> None:
        if self._process is None or self._process.stdin is None:
            raise MachineFailed("the container has not been started")
        try:
            self._process.stdin.write(b"go\n")
            self._process.stdin.close()
        except OSError:
            raise MachineFailed(f"the container doesn't start: {self.ended()}") from None


def _namespace(process: str) -> str:
    return str(Path(f"/proc/{process}/ns/pid").readlink())


def _done(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineFailed(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
