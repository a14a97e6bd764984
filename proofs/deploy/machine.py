"""The stock machine running in QEMU, reached by ssh; its power goes at the end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from proofs.deploy.stock import Stock

PROGRAM: Final = "qemu-system-x86_64"
_LOOK_S: Final = 1.0
_SSH_TRY_S: Final = 60
_SAID: Final = 600


class MachineFailed(Exception):
    """The machine does not run, or a command on it failed; the text says which and what it said."""


class Machine:
    """A machine with a disk of its own over `stock`'s. Use as a context manager: it has power within."""

    def __init__(self, stock: Stock, folder: Path, key: Path, *, accelerator: str) -> None:
        self._stock = stock
        self._folder = folder
        self._accelerator = accelerator
        self._process: subprocess.Popen[bytes] | None = None
        self.key = key
        self.ssh_port = free_port()
        self.console = folder / "console.log"

    def __enter__(self) -> Machine:
        layer = self._folder / "disk.qcow2"
        layer.unlink(missing_ok=True)
        _done("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(self._stock.disk), str(layer))
        words = [
            *(PROGRAM, "-machine", "q35", "-accel", self._accelerator, "-cpu", "max", "-smp", "2", "-m", "2048"),
            *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{self.console}"),
            *("-kernel", str(self._stock.kernel), "-initrd", str(self._stock.initrd)),
            *("-append", "root=/dev/vda rw console=ttyS0 systemd.default_device_timeout_sec=600"),
            # No power is cut here: what the host has in memory needn't be on its disk.
            *("-drive", f"file={layer},if=virtio,cache=unsafe", "-device", "virtio-rng-pci"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"),
            *("-device", "virtio-net-pci,netdev=net"),
        ]
        with (self._folder / "qemu.log").open("wb") as said:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def until_up(self, user: str, within_s: float) -> None:
        """Return once `user` can sign in.

        Raises:
            MachineFailed: not in time, or it has ended.
        """
        began = time.monotonic()
        while True:
            try:
                self.run(user, "true")
            except MachineFailed:
                if self._process is None or self._process.poll() is not None:
                    said = (self._folder / "qemu.log").read_text(encoding="utf-8", errors="replace")
                    raise MachineFailed(f"QEMU ended: {said[-_SAID:]}") from None
                if time.monotonic() - began > within_s:
                    raise MachineFailed(f"nobody is let in after {within_s:.0f} s; console: {self.console}") from None
                time.sleep(_LOOK_S)
            else:
                return

    def run(self, user: str, command: str) -> str:
        """What `command` prints there.

        Raises:
            MachineFailed: it fails, or `user` isn't let in.
        """
        done = subprocess.run([*self._ssh(user), command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise MachineFailed(f"{command}: {done.stderr.strip()[-_SAID:]}")
        return done.stdout

    @contextlib.contextmanager
    def tunnel(self, user: str, port: int) -> Iterator[int]:
        """A port here that leads to `port` of the machine's loopback; it may stand a moment later."""
        here = free_port()
        words = [*self._ssh(user)[:-1], "-N", "-L", f"{here}:127.0.0.1:{port}", f"{user}@127.0.0.1"]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield here
            finally:
                process.kill()

    def _ssh(self, user: str) -> list[str]:
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": os.devnull,
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": str(_SSH_TRY_S),
            "ServerAliveInterval": "30",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-i", str(self.key), "-p", str(self.ssh_port), *settings, f"{user}@127.0.0.1"]


def free_port() -> int:
    """A TCP port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _done(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineFailed(f"{words[0]}: {done.stderr.strip()[-_SAID:]}")
