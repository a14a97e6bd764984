"""A kiosk's image running in QEMU, every write of it logged; we play the firmware that picks the slot."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.update.firmware import AutobootInvalid, autoboot_of, booted_slot
from proofs.powercuts.partitions import NoPartitions, named, partitions

PROGRAM: Final = "qemu-system-x86_64"
PACKAGES: Final = {
    PROGRAM: "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mcopy": "mtools",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
USER: Final = "admin"
_BUS: Final = 4222  # on the guest's loopback: ssh carries it here
_LOOK_S: Final = 0.5
_SSH_TRY_S: Final = 60.0  # an emulated machine takes its time for a handshake
_END_S: Final = 30.0
# An emulated kiosk on a busy machine starts more slowly than any real one: udev may take minutes to see the disk.
_PATIENT: Final = "systemd.default_device_timeout_sec=600"
_MEMORY_MIB: Final = 2048
# Before 9.0 blklogwrites could mix up requests that were made at the same time.
_OLDEST_QEMU: Final = 9
_TOLD: Final = 600


class GuestFailed(Exception):
    """The machine does not run as it should; the text says what it did last."""


def missing_programs() -> list[str]:
    """The Debian packages that this machine lacks to run a guest."""
    return sorted({package for program, package in PACKAGES.items() if shutil.which(program) is None})


def qemu_version() -> str:
    """QEMU's version.

    Raises:
        GuestFailed: there is none, or it is too old to keep a log that can be relied on.
    """
    if shutil.which(PROGRAM) is None:
        raise GuestFailed(f"no {PROGRAM} here; on Debian: apt-get install {PACKAGES[PROGRAM]}")
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    version = said.partition("version ")[2].split()[0]
    if int(version.partition(".")[0]) < _OLDEST_QEMU:
        raise GuestFailed(
            f"QEMU {version} is too old: its write log mixes up requests. 9.0 or newer, on Debian 12: "
            "apt-get install -t bookworm-backports qemu-system-x86 qemu-utils"
        )
    return version


@dataclass(frozen=True)
class Kernel:
    """What the firmware starts."""

    kernel: Path
    initrd: Path
    arguments: str


def firmware(disk: Path, folder: Path, *, tryboot: bool = False) -> Kernel:
    """The kernel that a Pi's firmware would start from `disk`: by autoboot.txt. It is copied to `folder`.

    `tryboot` is the flag of a restart that tries the other slot.

    Raises:
        GuestFailed: the disk names no slot, or the slot has no kernel.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        slot = booted_slot(autoboot_of(disk), tryboot=tryboot)
        boot = named(f"BOOT-{slot}", partitions(disk))
    except (NoPartitions, AutobootInvalid) as error:
        raise GuestFailed(f"the firmware finds nothing to start: {error}") from error
    texts = f"cmdline-{slot.lower()}.txt"
    for name in ("vmlinuz", "initrd.img", texts):
        words = ["mcopy", "-n", "-o", "-i", f"{disk}@@{boot.begins}", f"::{name}", str(folder / name)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GuestFailed(f"BOOT-{slot} has no {name} that can be read: {done.stderr.strip()}")
    arguments = f"{(folder / texts).read_text(encoding='ascii').strip()} {_PATIENT}"
    return Kernel(folder / "vmlinuz", folder / "initrd.img", arguments)


def make_ssh_key(folder: Path) -> Path:
    """A key to sign in with, made once; its public half is beside it, with `.pub`."""
    path = folder / "ssh-key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "power-cuts", "-f", str(path)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return path


class Guest:
    """A machine with the raw image `disk` in it, which stays as it is: writes go to a layer in `folder`, and to `log`.

    Use as an async context manager: it runs from entering on, and at the end its power goes.
    """

    def __init__(self, disk: Path, folder: Path, key: Path, *, accelerator: str = "tcg,thread=multi") -> None:
        self._disk = disk
        self._folder = folder
        self._key = key
        self._accelerator = accelerator
        self._process: Process | None = None
        self._tunnel: Process | None = None
        self._ssh_port = 0
        self.log = folder / "writes.log"
        self.console = folder / "console.log"

    async def __aenter__(self) -> Guest:
        self._folder.mkdir(parents=True, exist_ok=True)
        kernel = await asyncio.to_thread(firmware, self._disk, self._folder)
        layer = self._folder / "layer.qcow2"
        await _done("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(self._disk.resolve()), str(layer))
        self.log.write_bytes(b"")
        self.console.unlink(missing_ok=True)
        self._ssh_port = _free_port()
        with (self._folder / "qemu.log").open("wb") as said:
            self._process = await asyncio.create_subprocess_exec(
                PROGRAM, *self._words(kernel, layer), stdin=DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    def _words(self, kernel: Kernel, layer: Path) -> list[str]:
        blocks = [
            f"driver=file,filename={layer},node-name=layer-file",
            "driver=qcow2,file=layer-file,node-name=layer",
            f"driver=file,filename={self.log},node-name=log-file",
            "driver=raw,file=log-file,node-name=log",
            "driver=blklogwrites,file=layer,log=log,log-sector-size=512,node-name=logged",
        ]
        return [
            *("-machine", "q35", "-accel", self._accelerator, "-cpu", "max", "-smp", "2", "-m", f"{_MEMORY_MIB}"),
            *("-display", "none", "-no-reboot", "-serial", f"file:{self.console}"),
            *("-kernel", str(kernel.kernel), "-initrd", str(kernel.initrd), "-append", kernel.arguments),
            *(word for block in blocks for word in ("-blockdev", block)),
            *("-device", "virtio-blk-pci,drive=logged", "-device", "virtio-rng-pci"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self._ssh_port}-:22"),
            *("-device", "virtio-net-pci,netdev=net"),
            *("-qmp", f"unix:{self._folder / 'qmp'},server=on,wait=off"),
        ]

    async def bus(self, within_s: float) -> str:
        """The address here of the guest's bus, once ssh lets us in. The bus may be up later.

        Raises:
            GuestFailed: it does not in time, or the machine ended.
        """
        port = _free_port()
        async with self._in_time(within_s, "let us in by ssh"):
            while True:
                tunnel = await self._ssh(["-N", "-L", f"{port}:127.0.0.1:{_BUS}", "-o", "ExitOnForwardFailure=yes"])
                if await self._answers(port, tunnel):
                    self._tunnel = tunnel
                    return f"nats://127.0.0.1:{port}"
                await asyncio.sleep(_LOOK_S)

    async def read(self, path: str, within_s: float) -> bytes:
        """The file `path` of the guest, as its root reads it; waited for.

        Raises:
            GuestFailed: it does not come in time.
        """
        # It waits over there: a sign-in a try would keep an emulated kiosk from anything else.
        there = f"until test -s {shlex.quote(path)}; do sleep 1; done; cat {shlex.quote(path)}"
        async with self._in_time(within_s, f"show {path}"):
            while True:
                reading = await self._ssh(["-T"], f"sudo sh -c {shlex.quote(there)}")
                try:
                    content, _ = await reading.communicate()
                finally:
                    await _end(reading)
                if reading.returncode == 0 and content:
                    return content
                if self._process is None or self._process.returncode is not None:
                    raise GuestFailed(f"the machine ended; console: {self.last_words()}")
                await asyncio.sleep(_LOOK_S)

    async def cut(self) -> None:
        """Take the power away: QEMU ends at once, and its log is complete."""
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            await _end(tunnel)
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        # Asked, it finishes what it has in its hands: what the guest was told is in the log either way.
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(_END_S):
                reader, writer = await asyncio.open_unix_connection(str(self._folder / "qmp"))
                await reader.readline()
                for command in ("qmp_capabilities", "quit"):
                    writer.write(json.dumps({"execute": command}).encode())
                    await reader.readline()
                writer.close()
                await process.wait()
        await _end(process)

    def last_words(self) -> str:
        """The end of what the machine said on its console."""
        try:
            text = self.console.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            text = (self._folder / "qemu.log").read_text(encoding="utf-8", errors="replace")
        return " / ".join(line.strip() for line in text.splitlines() if line.strip())[-_TOLD:]

    @contextlib.asynccontextmanager
    async def _in_time(self, within_s: float, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError:
            raise GuestFailed(f"it did not {what} within {within_s:g} s; console: {self.last_words()}") from None

    async def _answers(self, port: int, tunnel: Process) -> bool:
        """Whether the tunnel stands; False once it ended."""
        if self._process is None or self._process.returncode is not None:
            raise GuestFailed(f"the machine ended; console: {self.last_words()}")
        ended = asyncio.create_task(tunnel.wait())
        try:
            for _ in range(int(_SSH_TRY_S / _LOOK_S)):
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return True
                done, _ = await asyncio.wait([ended], timeout=_LOOK_S)
                if done:
                    return False
        except asyncio.CancelledError:
            await _end(tunnel)
            raise
        finally:
            ended.cancel()
        await _end(tunnel)
        return False

    async def _ssh(self, flags: list[str], *command: str) -> Process:
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": os.devnull,
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": f"{_SSH_TRY_S:g}",
            "ServerAliveInterval": "30",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return await asyncio.create_subprocess_exec(
            *("ssh", "-i", str(self._key), "-p", str(self._ssh_port), *settings, *flags, f"{USER}@127.0.0.1", *command),
            stdin=DEVNULL,
            stdout=PIPE if command else DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _done(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    _, said = await process.communicate()
    if process.returncode:
        raise GuestFailed(f"{words[0]}: {said.decode(errors='replace').strip()[:_TOLD]}")
