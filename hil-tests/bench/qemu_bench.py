"""The bench `qemu`: the kiosk's own image, booted, with a USB card reader, a USB printer and a power cable."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import BenchUnusable, Bus, Button, Lights, Receipts
from bench.cards import TORN_AFTER, card
from bench.deeds import Deed, Sight
from bench.qemu_artefacts import keep_journal, keep_timeline
from bench.qemu_cards import VscardField
from bench.qemu_lacks import LACKS, NoLights
from bench.qemu_machine import Boot, Machine, arch_of, flash, free_port, lacking, reconnecting, version_of
from bench.qemu_shell import CommandFailed, Shell
from bench.receipts import PaperTray
from bench.stations import Doing
from bench.waiting import hold
from drivers.printer.simulated import SimulatedPrinter
from edge.agents.hardware.agent import card_token
from edge.bus import BusError, Client
from edge.bus.keys import key_path
from edge.contract.errors import AskError
from edge.contract.hardware import Condition, GetStatus
from edge.contract.permissions import OPERATOR
from edge.contract.subjects import AGENTS, HARDWARE_STATUS
from edge.flash.errors import FlashError
from proofs.powercuts.guest import GuestFailed, make_ssh_key

# An emulated kiosk on a machine with other work: nothing here may depend on speed.
BOOTED_S: Final = 1200.0
SERVING_S: Final = 1200.0
COMMAND_S: Final = 300.0
PATIENCE_S: Final = 120.0
_BUS_PORT: Final = 4222
_READ_S: Final = 60.0  # how long a patient person holds a card that isn't read
_QUIET_S: Final = 2.0  # no command for so long: the reader is done with the card
_EMPTY_S: Final = 2.0  # between two cards: an emulated pcscd looks at the field every 0.4 s of its own time
DEVICE_S: Final = 120.0
_AGAIN_S: Final = 0.5
_STARTING_S: Final = 3.0  # each question costs an emulated kiosk that starts some of what it starts with

# Else systemd would have it back in a second, before anybody could see it gone.
_LEFT_DEAD: Final = "/run/systemd/system/kiosk-nats.service.d/bench.conf"
_KILL_SERVER: Final = (
    f"mkdir -p {_LEFT_DEAD.rpartition('/')[0]} && printf '[Service]\\nRestart=no\\n' >{_LEFT_DEAD} && "
    "systemctl daemon-reload && systemctl kill -s KILL kiosk-nats.service"
)
_START_SERVER: Final = f"rm -f {_LEFT_DEAD} && systemctl daemon-reload && systemctl start kiosk-nats.service"
# There is neither camera nor microphone, and that is said: simulated ones would cost an emulated processor more than
# all the rest, to look at pictures and listen to sounds that no test can choose.
KIOSK_TOML: Final = """\
[kiosk]
id = "bench-qemu"
timezone = "Europe/Vienna"

[devices]
nfc = "pcsc:"
printer = "escpos+serial:/dev/ttyUSB0"
camera = "v4l2:/dev/video0"
microphone = "portaudio:"

# What a customer does in seconds takes an emulated kiosk longer.
[orchestrator]
idle_s = 600.0

[payment]
declined_cards = [{declined}]
"""

_DEVICES: Final = ("reader", "printer", "leds")


class Stage(StrEnum):
    """How far the kiosk is."""

    OFF = "off"
    BOOTED = "booted"
    SERVING = "serving"


class QemuBench:
    """The image at `image` in QEMU; what is written goes to a copy in `folder`, and artefacts to `report`."""

    name = "qemu"
    patience_s = PATIENCE_S
    lights: Lights
    receipts: Receipts
    button: Button

    def __init__(self, image: Path, folder: Path, report: Path) -> None:
        self.image = image.name
        self.machine: Machine
        self.shell: Shell
        self.report = report
        self.public_key: Path
        self.timeline: dict[str, float] = {}
        """Seconds from power to each stage, at the first boot."""
        self.bus = Bus("")
        self.lights = NoLights()
        self.devices = {
            "card reader": "QEMU's USB smart card reader; pcscd and pyscard of the image; simulated cards",
            "printer": "QEMU's USB serial adapter; python-escpos of the image; simulated ESC/POS printer",
            "LED strip": "simulated, in the guest",
            "camera": "none",
            "microphone": "none",
            "bus": "the image's nats-server with keys, through ssh",
        }
        self.image_file = image
        self._folder = folder
        self._console = Console()
        self._leaving = AsyncExitStack()
        self._stage = Stage.OFF
        self._doings: dict[Deed, Doing] = {}
        self._client: Client

    # -- set up --------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """See `Bench`."""
        try:
            await self._open()
        except (GuestFailed, FlashError, CommandFailed, TimeoutError) as error:
            await self._keep_journal()
            await self._leaving.aclose()
            raise BenchUnusable(f"{error} (its console is in {self.report / 'serial.log'})") from error
        except BaseException:
            await self._leaving.aclose()
            raise

    async def _open(self) -> None:
        arch = arch_of(self.image_file)
        packages = lacking(arch)
        if packages:
            raise BenchUnusable(f"on Debian: apt-get install {' '.join(packages)}")
        if not self.image_file.is_file():
            raise BenchUnusable(f"there is no image {self.image_file}: make image ARCH={arch} makes it")
        self._say(f"flashing {self.image_file.name}")
        key = make_ssh_key(self._folder)
        self.public_key = Path(f"{key}.pub")
        config = self._folder / "kiosk.toml"
        config.write_text(KIOSK_TOML.format(declined=""), encoding="utf-8")
        disk = self._folder / "card.img"
        await asyncio.to_thread(flash, self.image_file, disk, config, self.public_key)
        self._leaving.callback(disk.unlink)
        devices = await self._peripherals()
        serial = self.report / "serial.log"
        serial.unlink(missing_ok=True)
        self.machine = Machine(disk, self._folder, serial, devices, arch=arch, accelerator=_accelerator())
        self.machine.on_boot = self._told
        self._leaving.push_async_callback(self.machine.off)
        self.shell = Shell(self.machine.ssh_port, key)
        self._leaving.push_async_callback(self.shell.close)
        await self.to(Stage.SERVING)
        await keep_timeline(self.shell, self.report, COMMAND_S)
        (self.report / "timeline.json").write_text(json.dumps(self.timeline, indent=1), encoding="utf-8")

    async def _peripherals(self) -> list[str]:
        """Set them up here; returns QEMU's words for their ends in the machine."""
        field = self._field = VscardField(self._folder / "reader")
        await field.open()
        self._leaving.push_async_callback(field.close)
        printer = self._printer = SimulatedPrinter()
        self.receipts = tray = PaperTray(printer)
        self._leaving.callback(tray.close)
        wire = await self._leaving.enter_async_context(await printer.serve_tcp())
        self._doings = {
            Deed.TAP: self._tap,
            Deed.TEAR: self._tear,
            Deed.LAY_CARD: self._lay,
            Deed.TAKE_CARD: lambda _: self._take(),
            Deed.UNPLUG_READER: lambda _: self._unplug_reader(),
            Deed.PLUG_READER: lambda _: self._plug_reader(),
            Deed.KILL_READER_SERVICE: lambda _: self._run(
                "systemctl stop pcscd.socket; systemctl kill -s KILL pcscd.service", lost="reader"
            ),
            Deed.START_READER_SERVICE: lambda _: self._run("systemctl start pcscd.socket", ready="reader"),
            Deed.EMPTY_ROLL: lambda _: printer.empty_roll(),
            Deed.LOAD_ROLL: lambda _: printer.load_roll(),
            Deed.OPEN_COVER: lambda _: printer.open_cover(),
            Deed.CLOSE_COVER: lambda _: printer.close_cover(),
            Deed.UNPLUG_PRINTER: lambda _: self._unplug_printer(),
            Deed.PLUG_PRINTER: lambda _: self._plug_printer(),
            Deed.KILL_SERVER: lambda _: self._run(_KILL_SERVER),
            Deed.START_SERVER: lambda _: self._run(_START_SERVER),
            Deed.CUT_POWER: lambda _: self.to(Stage.OFF),
            Deed.RESTORE_POWER: lambda _: self.to(Stage.SERVING),
        }
        again = reconnecting(version_of(arch_of(self.image_file)))
        return [
            *("-device", "qemu-xhci"),
            *("-chardev", f"socket,id=reader-line,path={field.path},server=off"),
            *("-device", "usb-ccid,id=reader", "-device", "ccid-card-passthru,chardev=reader-line"),
            # usb-serial is on USB while the far end is there; QEMU looks for it again and again.
            *("-chardev", f"socket,id=printer,host={wire.host},port={wire.port},server=off,{again}"),
            *("-device", "usb-serial,chardev=printer"),
        ]

    # -- stages --------------------------------------------------------------------------------------------------

    async def to(self, stage: Stage) -> None:
        """Bring the kiosk to `stage`.

        Raises:
            GuestFailed: it doesn't come there in time.
        """
        if stage is Stage.OFF:
            await self.machine.off()
            self._stage = Stage.OFF
            return
        began_s = time.monotonic()
        if not self.machine.is_on:
            await self.machine.on()
        await self._while_on(self.shell.wait(BOOTED_S))
        self._reached(Stage.BOOTED, began_s)
        if stage is Stage.SERVING:
            await self.serving()
            self._reached(Stage.SERVING, began_s)

    async def serving(self) -> None:
        """Return once every agent answers, reader and printer are ready, and the bank declines who it should.

        Raises:
            GuestFailed: not in time; the text says what is missing.
        """
        await self._while_on(self._until_up(SERVING_S))

    async def _reach_the_bus(self) -> None:
        keys = self._folder / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        path = key_path(keys, OPERATOR)
        path.touch(mode=0o600)
        path.write_text(await self.shell.run(f"cat /data/keys/{path.name}", within_s=COMMAND_S), encoding="ascii")
        port = free_port()
        self.shell.carry(port, _BUS_PORT)
        url = f"nats://127.0.0.1:{port}"
        client = self._client = Client(url, name=OPERATOR, key_file=path)
        while True:
            with contextlib.suppress(BusError):  # the tunnel stands, and nothing is at its end yet
                await client.connect(wait_s=SERVING_S)
                break
            await hold(_AGAIN_S)
        self._leaving.push_async_callback(client.close)
        self.bus = Bus(url, path)

    async def _decline(self) -> None:
        """Have the sandbox's bank decline a card: its token is known only now that the kiosk has drawn its key.

        When all of it is up, so that no unit is started again in the middle of its start.
        """
        device_key = bytes.fromhex(await self.shell.run("od -An -v -tx1 /data/device.key", within_s=COMMAND_S))
        text = KIOSK_TOML.format(declined=json.dumps(card_token(device_key, card("declined").uid)))
        await self.shell.run(
            "cat > /boot/config/kiosk.toml && sync /boot/config/kiosk.toml && "
            "/opt/kiosk/current/bin/kiosk firstboot --boot /boot/config --data /data && "
            "{ systemctl restart kiosk-agent-payment.service || true; }",  # too slow for a start, it is started again
            within_s=COMMAND_S,
            given=text.encode(),
        )

    async def _until_up(self, within_s: float) -> None:
        missing = "answer from the bus"
        try:
            async with asyncio.timeout(within_s):
                first = not self.bus.url
                if first:
                    await self._reach_the_bus()
                while missing := await _missing(self._client):
                    await hold(_STARTING_S)
                if first:
                    self._say("serving; its bank learns of a card to decline")
                    await self._decline()
                while missing := await _missing(self._client):
                    await hold(_STARTING_S)
        except TimeoutError:
            raise GuestFailed(f"it did not serve within {within_s:g} s: there is no {missing}") from None

    async def _while_on(self, waiting: Awaitable[None]) -> None:
        """Await, unless the machine ends before."""
        task = asyncio.ensure_future(waiting)
        try:
            while not (await asyncio.wait([task], timeout=1.0))[0]:
                self.machine.check()
            await task
        finally:
            task.cancel()

    def _reached(self, stage: Stage, began_s: float) -> None:
        self._stage = stage
        took_s = time.monotonic() - began_s
        self.timeline.setdefault(f"{stage}_s", round(took_s, 1))
        self._say(f"{stage} after {took_s:.0f} s")

    def _told(self, boot: Boot) -> None:
        self._say(f"power on: slot {boot.slot}{', on trial' if boot.trial else ''}")

    def _say(self, words: str) -> None:
        self._console.print(f"[dim]qemu:[/] {words}", highlight=False)

    # -- deeds ---------------------------------------------------------------------------------------------------

    def missing(self, what: Deed | Sight) -> str | None:
        """See `Bench`."""
        return LACKS.get(what)

    async def do(self, deed: Deed, what: str = "") -> None:
        """See `Bench`."""
        try:
            doing = self._doings[deed](what)
            if inspect.isawaitable(doing):
                await doing
        except (GuestFailed, CommandFailed, TimeoutError) as error:
            raise BenchUnusable(f"{deed}: {str(error) or 'not done in time'}") from error

    async def _run(self, command: str, *, ready: str = "", lost: str = "") -> None:
        await self.shell.run(command, within_s=COMMAND_S)
        if ready or lost:
            await self._until_seen(ready or lost, ready=bool(ready))

    async def _tap(self, name: str) -> None:
        await self._lay(name)
        await self._take()

    async def _lay(self, name: str) -> None:
        self._field.insert(card(name))
        await self._field.read(_READ_S, _QUIET_S)

    async def _take(self) -> None:
        self._field.remove()
        await hold(_EMPTY_S)

    async def _tear(self, name: str) -> None:
        self._field.insert(card(name), torn_after=TORN_AFTER)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._field.left(), _READ_S)
        await self._take()

    async def _unplug_reader(self) -> None:
        self._field.remove()
        await self.machine.monitor.remove("reader")
        await self.machine.monitor.do("chardev-remove", id="reader-line")
        await self._until_seen("reader", ready=False)

    async def _plug_reader(self) -> None:
        monitor = self.machine.monitor
        address = {"type": "unix", "data": {"path": str(self._field.path)}}
        line = {"type": "socket", "data": {"addr": address, "server": False}}
        await monitor.do("chardev-add", id="reader-line", backend=line)
        await monitor.do("device_add", driver="usb-ccid", id="reader")
        await monitor.do("device_add", driver="ccid-card-passthru", chardev="reader-line", bus="reader.0")
        await self._until_seen("reader", ready=True)

    async def _unplug_printer(self) -> None:
        self._printer.unplug()
        await self._until_seen("printer", ready=False)

    async def _plug_printer(self) -> None:
        self._printer.plug()
        await self._until_seen("printer", ready=True)

    async def _until_seen(self, device: str, *, ready: bool) -> None:
        """As a person who waits for the device's light."""
        async with asyncio.timeout(DEVICE_S):
            while True:
                with contextlib.suppress(AskError):
                    devices = (await self._client.request(HARDWARE_STATUS, GetStatus())).devices
                    conditions = [each.condition for each in devices if each.name == device]
                    if (conditions == [Condition.READY]) is ready:
                        return
                await hold(_AGAIN_S)

    async def _keep_journal(self) -> None:
        if self._stage is not Stage.OFF and self.machine.is_on:
            with contextlib.suppress(TimeoutError):
                await keep_journal(self.shell, self.report, COMMAND_S)

    async def close(self) -> None:
        """See `Bench`."""
        await self._keep_journal()
        await self._leaving.aclose()


async def _missing(client: Client) -> str:
    """Who or what does not serve yet; "" when all do."""
    try:
        for agent in AGENTS:
            if not await client.is_up(agent):
                return f"{agent} agent"
        devices = (await client.request(HARDWARE_STATUS, GetStatus())).devices
        return ", ".join(
            each.name for each in devices if each.name in _DEVICES and each.condition is not Condition.READY
        )
    except AskError as error:
        return f"answer ({error})"


def _accelerator() -> str:
    return os.environ.get("KIOSK_QEMU_ACCEL", "tcg,thread=multi")
