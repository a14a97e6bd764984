"""The kiosk's image in QEMU: a card, power, a network, USB; we play the firmware at each start of the guest."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.waiting import hold
from edge.contract.subjects import AGENTS
from edge.flash.placing import blocks, checked
from edge.update.firmware import autoboot_of, booted_slot, tryboot_asked
from proofs.powercuts.guest import PACKAGES, GuestFailed, firmware
from proofs.powercuts.partitions import copy_disk

# How much larger the card is than the image: the first boot has something to grow into.
_GROWS_BYTES: Final = 2 << 30
_MEMORY_MIB: Final = 2048
_START_S: Final = 1800
_HANGS_S: Final = 120  # without a sign of life; an emulated agent that starves for a moment hangs no more than others
_LOOK_S: Final = 0.2
_MONITOR_S: Final = 60.0
_END_S: Final = 30.0

_MACHINES: Final[dict[str, list[str]]] = {
    # q35 has a watchdog of its own, which resets nothing with this.
    "amd64": ["qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-global", "ICH9-LPC.noreboot=true"],
    "arm64": ["qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on"],
}
_CONSOLES: Final = {"amd64": "", "arm64": " console=ttyAMA0"}


@dataclass(frozen=True)
class Boot:
    """One start of the guest: its slot, whether it was a trial, and when (time.monotonic)."""

    slot: str
    trial: bool
    at_s: float


def lacking(arch: str) -> list[str]:
    """The Debian packages that this machine lacks to run an image of `arch`."""
    program = _MACHINES[arch][0]
    packages = {**PACKAGES, program: PACKAGES.get(program, "qemu-system-arm")}
    packages.pop("qemu-system-x86_64" if arch != "amd64" else "", None)
    return sorted({package for name, package in packages.items() if shutil.which(name) is None})


def version_of(arch: str) -> tuple[int, ...]:
    """The version of the QEMU that runs an image of `arch`: (7, 2, 15)."""
    said = subprocess.run([_MACHINES[arch][0], "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(number) for number in re.findall(r"\d+", said.partition("version ")[2].split()[0]))


def reconnecting(version: tuple[int, ...]) -> str:
    """How that QEMU is told to connect a socket again, since 9.2 in ms, before in seconds."""
    return "reconnect-ms=500" if version >= (9, 2) else "reconnect=1"


def arch_of(image: Path) -> str:
    """What an image is for, by its name, as `make image` calls them."""
    return "arm64" if "arm64" in image.name else "amd64"


def flash(image: Path, card: Path, config: Path, authorized_keys: Path) -> None:
    """Make `card` of `image` as an integrator does: their files on its partition KIOSK, by what `kiosk flash` does.

    Raises:
        FlashError: the files have mistakes, or the image is none.
    """
    files = checked(config, None, authorized_keys)
    copy_disk(image, card)
    with card.open("rb") as head:
        changes = blocks(head, files)
    with card.open("r+b") as disk:
        for at, content in changes:
            disk.seek(at)
            disk.write(content)
    os.truncate(card, card.stat().st_size + _GROWS_BYTES)


class Monitor:
    """QEMU's machine protocol (QMP): commands, and why the machine ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._gone: dict[str, asyncio.Event] = {}
        self.reason = ""
        """Why the guest ended: "guest-reset", "guest-shutdown", "host-qmp-quit"; "" while it runs, or was killed."""
        self._reading = asyncio.create_task(self._read(), name="QEMU's monitor")

    @classmethod
    async def at(cls, path: Path, process: Process) -> Monitor:
        """The monitor behind the socket `path`, waited for.

        Raises:
            GuestFailed: QEMU ended first, or opens none.
        """
        try:
            async with asyncio.timeout(_MONITOR_S):
                while True:
                    with contextlib.suppress(OSError):
                        reader, writer = await asyncio.open_unix_connection(str(path))
                        await reader.readline()
                        monitor = cls(reader, writer)
                        await monitor.do("qmp_capabilities")
                        return monitor
                    if process.returncode is not None:
                        raise GuestFailed(f"QEMU ended at once with code {process.returncode}")
                    await hold(_LOOK_S)
        except TimeoutError:
            raise GuestFailed(f"QEMU opened no monitor within {_MONITOR_S:g} s") from None

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await self._reader.readline():
                said = json.loads(line)
                if said.get("event") == "SHUTDOWN":
                    self.reason = said["data"]["reason"]
                elif said.get("event") == "DEVICE_DELETED" and "device" in said["data"]:
                    self._gone.setdefault(said["data"]["device"], asyncio.Event()).set()
                elif "return" in said or "error" in said:
                    self._answers.put_nowait(said)

    async def do(self, command: str, **arguments: object) -> Any:
        """Do a command of the monitor.

        Raises:
            GuestFailed: it can't.
        """
        words = {"execute": command, **({"arguments": arguments} if arguments else {})}
        self._writer.write(json.dumps(words).encode() + b"\n")
        answer = await self._answers.get()
        if "error" in answer:
            raise GuestFailed(f"QEMU can't {command}: {answer['error']['desc']}")
        return answer["return"]

    async def remove(self, device: str) -> None:
        """Unplug a device; it is gone when this returns."""
        gone = self._gone[device] = asyncio.Event()
        await self.do("device_del", id=device)
        await asyncio.wait_for(gone.wait(), _MONITOR_S)

    async def quit(self) -> None:
        """End the machine at once; what it was told to write is written."""
        self._writer.write(b'{"execute": "quit"}\n')
        await self.over()

    async def over(self) -> None:
        """Return when QEMU is gone."""
        await asyncio.wait([self._reading])

    def close(self) -> None:
        """Let go of it."""
        self._reading.cancel()
        self._writer.close()


class Machine:
    """A machine with `card` in it; `devices` are QEMU's words for what is plugged in.

    What the guest says on its serial line is appended to `console`. Restarted by itself (`reboot`, a panic), it is
    started again as a Pi's firmware does, by autoboot.txt and the flag of a trial. It has no hardware watchdog: on a
    host with other work an emulated kernel doesn't feed one of 15 s, and that says nothing of the kiosk.
    """

    def __init__(
        self,
        card: Path,
        folder: Path,
        console: Path,
        devices: Sequence[str],
        *,
        arch: str = "amd64",
        accelerator: str = "tcg,thread=multi",
    ) -> None:
        self.card = card
        self.console = console
        self.ssh_port = free_port()
        self.boots: list[Boot] = []
        self.on_boot: Callable[[Boot], None] = lambda _: None
        self._folder = folder
        self._devices = devices
        self._arch = arch
        self._accelerator = accelerator
        self._process: Process | None = None
        self._monitor: Monitor | None = None
        self._running: asyncio.Task[None] | None = None
        self._started = asyncio.Event()

    @property
    def monitor(self) -> Monitor:
        """Its monitor, while it runs.

        Raises:
            GuestFailed: it doesn't.
        """
        if self._monitor is None:
            raise GuestFailed("the machine is off")
        return self._monitor

    @property
    def is_on(self) -> bool:
        """Whether it has power, and did not switch itself off."""
        return self._running is not None and not self._running.done()

    async def on(self) -> None:
        """Give it power; it is starting when this returns.

        Raises:
            GuestFailed: it can't.
        """
        if self.is_on:
            return
        self._started.clear()
        running = self._running = asyncio.create_task(self._run(), name="the machine")
        started = asyncio.create_task(self._started.wait())
        try:
            await asyncio.wait([running, started], return_when=asyncio.FIRST_COMPLETED)
        finally:
            started.cancel()
        if running.done():
            await running
            raise GuestFailed(f"the machine ended at once; {self.last_words()}")

    async def off(self) -> None:
        """Take its power away, whatever it does."""
        running, self._running = self._running, None
        if running is None:
            return
        running.cancel()
        await asyncio.wait([running])

    async def network(self, *, up: bool) -> None:
        """Plug its network cable in, or pull it."""
        await self.monitor.do("set_link", name="nic", up=up)

    def check(self) -> None:
        """See that it runs.

        Raises:
            GuestFailed: it has ended; the text says how.
        """
        if self._running is not None and self._running.done() and not self._running.cancelled():
            error = self._running.exception()
            raise GuestFailed(f"the machine ended: {error or 'it switched itself off'}; {self.last_words()}")

    def last_words(self) -> str:
        """The end of what it said on its console."""
        text = self.console.read_text(encoding="utf-8", errors="replace") if self.console.exists() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return "its console: " + (" / ".join(lines)[-600:] or "nothing")

    async def _run(self) -> None:
        trial = False
        while True:
            slot = booted_slot(await asyncio.to_thread(autoboot_of, self.card), tryboot=trial)
            began = self.console.stat().st_size if self.console.exists() else 0
            reason = await self._boot(Boot(slot, trial, time.monotonic()))
            if reason != "guest-reset":
                return
            with self.console.open("rb") as file:
                file.seek(began)
                trial = tryboot_asked(file.read().decode(errors="replace"))

    async def _boot(self, boot: Boot) -> str:
        """Start the guest; returns why it ended."""
        kernel = await asyncio.to_thread(firmware, self.card, self._folder, tryboot=boot.trial)
        socket_path = self._folder / "qmp"
        socket_path.unlink(missing_ok=True)
        words = [
            *(*_MACHINES[self._arch], "-accel", self._accelerator, "-smp", "2", "-m", f"{_MEMORY_MIB}"),
            *("-nodefaults", "-display", "none", "-no-reboot"),
            *("-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console"),
            *("-qmp", f"unix:{socket_path},server=on,wait=off"),
            *("-kernel", str(kernel.kernel), "-initrd", str(kernel.initrd)),
            *("-append", kernel.arguments + _CONSOLES[self._arch]),
            # What the guest was told is written is with the host: a power cut here is QEMU's end, not the host's.
            *("-drive", f"file={self.card},format=raw,if=none,id=card,cache=writeback,discard=unmap"),
            *("-device", "virtio-blk-pci,drive=card", "-device", "virtio-rng-pci"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"),
            *("-device", "virtio-net-pci,netdev=net,id=nic"),
            *_patience(self._arch),
            *self._devices,
        ]
        log = self._folder / "qemu.log"
        with log.open("wb") as said:
            self._process = await asyncio.create_subprocess_exec(
                *words, stdin=DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        try:
            monitor = self._monitor = await Monitor.at(socket_path, self._process)
            self.boots.append(boot)
            self.on_boot(boot)
            self._started.set()
            await monitor.over()
            await self._process.wait()
        except GuestFailed as error:
            wrong = log.read_text(encoding="utf-8", errors="replace").strip()
            raise GuestFailed(f"{error}; it said: {wrong[-600:] or 'nothing'}") from error
        else:
            return monitor.reason
        finally:
            await self._end(self._process)

    async def _end(self, process: Process) -> None:
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            if process.returncode is None:
                with contextlib.suppress(TimeoutError, ConnectionError):
                    await asyncio.wait_for(monitor.quit(), _END_S)
            monitor.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


def _patience(arch: str) -> list[str]:
    """QEMU's words for credentials that give our units longer (systemd-debug-generator(8)).

    Seven Pythons that start at once take an emulated machine on a busy host longer than any real one. The image stays
    as it is; the guest's systemd reads them from its BIOS, so this is for x86 only.
    """
    if arch != "amd64":
        return []
    start = f"[Service]\nTimeoutStartSec={_START_S}\n"
    watched = [*(f"kiosk-agent-{agent}" for agent in AGENTS), "kiosk-monitor", "kiosk-frontend"]
    dropins = dict.fromkeys(watched, f"{start}WatchdogSec={_HANGS_S}\n") | {"kiosk-firstboot": start}
    name = "io.systemd.credential.binary:systemd.unit-dropin"
    return [
        word
        for unit, dropin in dropins.items()
        for word in ("-smbios", f"type=11,value={name}.{unit}.service={base64.b64encode(dropin.encode()).decode()}")
    ]


def free_port() -> int:
    """A TCP port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
