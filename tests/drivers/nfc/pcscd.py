"""A private pcscd with vpcd's virtual reader, and a bench on it."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from drivers.errors import DeviceAbsent
from drivers.nfc import NfcReader
from drivers.nfc.card import SimulatedCard
from drivers.nfc.pcsc import PcscReader
from drivers.nfc.vpcd import VpcdField
from drivers.nfc.winscard import Context
from tests.drivers.nfc.bench import TIMEOUT_S

VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
READER = "Virtual PCD 00 00"
# As of a USB reader's driver; vendor and product as in hotplug.c.
INFO_PLIST = """<plist version="1.0"><dict>
<key>CFBundleExecutable</key><string>libcable.so</string>
<key>ifdVendorID</key><array><string>0x1209</string></array>
<key>ifdProductID</key><array><string>0x0001</string></array>
<key>ifdFriendlyName</key><array><string>Virtual PCD</string></array>
</dict></plist>
"""


def missing() -> str | None:
    """Why this machine can't run a private pcscd, if it can't."""
    try:
        import smartcard.scard  # noqa: F401 - only whether it is there
    except ImportError:
        return "pyscard is not installed (extra: nfc)"
    for program, package in (("pcscd", "pcscd"), ("cc", "gcc libc6-dev"), ("unshare", "util-linux")):
        if shutil.which(program, path=_path()) is None:
            return f"{program} is not installed (Debian: {package})"
    if not VPCD.exists():
        return "vpcd is not installed (Debian: vsmartcard-vpcd)"
    if subprocess.run([*_unshare(), "true"], capture_output=True, check=False).returncode != 0:
        return "no private mount namespace: neither root nor user namespaces"
    return None


_homes: list[Path] = []


def home_of_this_process(make: Callable[[], Path]) -> Path:
    """The one home that libpcsclite looks for in this process, made when it is first asked for."""
    if not _homes:
        _homes.append(make())
    return _homes[0]


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _unshare() -> list[str]:
    return ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


def _two_free_ports() -> int:
    """A port that is free with its successor, below the ephemeral range: vpcd takes both."""
    for _ in range(100):
        port = random.randrange(20_000, 32_000, 2)  # noqa: S311 - no secret
        try:
            with socket.socket() as first, socket.socket() as second:
                first.bind(("0.0.0.0", port))  # noqa: S104 - where vpcd listens too
                second.bind(("0.0.0.0", port + 1))  # noqa: S104 - where vpcd listens too
        except OSError:
            continue
        return port
    raise RuntimeError("no two free ports between 20000 and 32000")


def _compiled(source: str, made: Path, *options: str) -> Path:
    """A shared object of one of the C files here, made once."""
    if not made.exists():
        command = ["cc", "-shared", "-fPIC", "-o", str(made), str(Path(__file__).with_name(source)), *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


def _usb_drivers(home: Path) -> Path:
    """The folder of USB readers' drivers, with one in it: vpcd on a cable that can be pulled."""
    drivers = home / "drivers"
    contents = drivers / "kiosk.bundle" / "Contents"
    if not contents.exists():
        (contents / "Linux").mkdir(parents=True)
        # Under the name by which vpcd knows itself, and which Debian doesn't install.
        vpcd = shutil.copy(VPCD, contents / "Linux" / "libifdvpcd.so.0")
        _compiled("cable.c", contents / "Linux" / "libcable.so", "-Wl,--no-as-needed", str(vpcd), "-Wl,-rpath,$ORIGIN")
        (contents / "Info.plist").write_text(INFO_PLIST)
    return drivers


class Pcscd:
    """A daemon whose /run is `home`/run, so that its socket is ours alone."""

    def __init__(self, home: Path) -> None:
        self.port = 0
        self._home = home
        self._hotplug = home / "hotplug"
        self._unplugged = home / "unplugged"
        self._run = home / "run"
        self._conf = home / "conf"
        self._process: asyncio.subprocess.Process | None = None
        self._words: deque[str] = deque(maxlen=50)
        self._drain: asyncio.Task[None] | None = None

    @staticmethod
    def socket_of(home: Path) -> Path:
        """Where a daemon with this home listens."""
        return home / "run" / "pcscd" / "pcscd.comm"

    async def start(self, *, with_reader: bool = True) -> None:
        """Start and wait until it is ready."""
        for _ in range(5):
            if await self._try_start(with_reader):
                return
        raise RuntimeError("pcscd does not start:\n" + "".join(self._words))

    async def _try_start(self, with_reader: bool) -> bool:
        self._home.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.rmtree(self._conf, ignore_errors=True)
        self._unplugged.unlink(missing_ok=True)
        self._hotplug.unlink(missing_ok=True)  # with what nobody read
        os.mkfifo(self._hotplug)
        (self._run / "pcscd").mkdir(parents=True)
        self._conf.mkdir()
        drivers = await asyncio.to_thread(_usb_drivers, self._home)
        hotplug = await asyncio.to_thread(_compiled, "hotplug.c", self._home / "hotplug.so")
        self.port = _two_free_ports()
        if not with_reader:
            self._unplugged.touch()
        mounts = 'mount --bind "$1" /run && mount --bind "$2" /usr/lib/pcsc/drivers'
        self._process = await asyncio.create_subprocess_exec(
            *_unshare(),
            "sh",
            "-c",
            f'{mounts} && LD_PRELOAD="$3" exec pcscd --foreground --info -c "$4"',
            "sh",
            str(self._run),
            str(drivers),
            str(hotplug),
            str(self._conf),
            env={
                **os.environ,
                "PATH": _path(),
                "KIOSK_NFC_UNPLUGGED": str(self._unplugged),
                "KIOSK_NFC_HOTPLUG": str(self._hotplug),
                "KIOSK_NFC_VPCD": f"/dev/null:0x{self.port:X}",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out = self._process.stdout
        assert out is not None
        self._words.clear()
        ready, slots_missing = False, 2 if with_reader else 0
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while line := (await out.readline()).decode():
                    self._words.append(line)
                    if "Could not bind" in line or "init failed" in line:
                        break  # somebody was faster with the port
                    ready = ready or "daemon ready" in line
                    slots_missing -= "Waiting for virtual ICC" in line
                    if ready and slots_missing <= 0:
                        await asyncio.to_thread(self._until_it_listens)
                        self._drain = asyncio.create_task(self._listen(out))
                        return True
        except TimeoutError:
            self._words.append("(not ready in time)")
        await self.kill()
        return False

    def _until_it_listens(self) -> None:
        """It says "ready" a moment before."""
        deadline_s = time.monotonic() + TIMEOUT_S
        pause = threading.Event()
        with socket.socket(socket.AF_UNIX) as probe:
            while probe.connect_ex(str(self._run / "pcscd" / "pcscd.comm")) != 0:
                assert time.monotonic() < deadline_s, "pcscd does not listen"
                pause.wait(0.002)

    async def _listen(self, out: asyncio.StreamReader) -> None:
        while line := await out.readline():
            self._words.append(line.decode())

    def pull(self) -> None:
        """Pull the reader's cable; the daemon goes on."""
        self._unplugged.touch()
        self._tell_usb(b"r")

    def put_back(self) -> None:
        """Put the reader's cable back."""
        self._unplugged.unlink()
        self._tell_usb(b"a")

    def fray(self) -> None:
        """Let the reader stop answering, while it stays on the USB."""
        self._unplugged.touch()

    def mend(self) -> None:
        """End a `fray`."""
        self._unplugged.unlink()

    def _tell_usb(self, action: bytes) -> None:
        pipe = os.open(self._hotplug, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, action)
        finally:
            os.close(pipe)

    def stop(self) -> None:
        """Let it hang, whoever asks, from now on."""
        process = self._tell(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)  # until then one of its threads may still answer

    def go_on(self) -> None:
        """End a `stop`."""
        self._tell(signal.SIGCONT)

    def _tell(self, number: signal.Signals) -> asyncio.subprocess.Process:
        assert self._process is not None, "pcscd is not running"
        self._process.send_signal(number)
        return self._process

    async def kill(self) -> None:
        """Kill it, as a crash would, and wait until it is gone."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        if self._drain is not None:
            await self._drain
        self._process = self._drain = None


class WireBench:
    """PcscReader on a real pcscd, with simulated cards behind vpcd."""

    def __init__(self, home: Path) -> None:
        self.daemon = Pcscd(home)
        self.pcsc = PcscReader("Virtual PCD")
        self.reader: NfcReader = self.pcsc
        self._field: VpcdField | None = None
        self._lying: SimulatedCard | None = None

    @property
    def field(self) -> VpcdField:
        assert self._field is not None
        return self._field

    async def ready(self) -> None:
        await self.start()

    async def hold(self, card: SimulatedCard) -> None:
        self._lying = card
        await self.field.insert(card)

    async def take_away(self) -> None:
        self._lying = None
        await self.field.remove()
        await self.empty()

    async def empty(self) -> None:
        """Return once pcscd sees no card."""
        await asyncio.to_thread(_until, present=False)

    async def present(self) -> None:
        """Return once pcscd sees a card."""
        await asyncio.to_thread(_until, present=True)

    async def told(self, words: str) -> None:
        """Return once our reader's failure says `words`."""
        changed = await asyncio.to_thread(self.pcsc.wait_for, lambda: words in str(self.pcsc.failure), TIMEOUT_S)
        assert changed, f"no {words!r} in {self.pcsc.failure}"

    async def tear(self, card: SimulatedCard, after: int) -> None:
        await self.field.insert(card, torn_after=after)
        async with asyncio.timeout(TIMEOUT_S):
            await self.field.left()
        await self.empty()

    async def unplug(self) -> None:
        self.daemon.pull()
        await self.until(watching=False)

    async def plug(self) -> None:
        await self.put_back()
        await self.until(watching=True)

    async def put_back(self) -> None:
        """Put the cable back; return once the card that lies on the reader is in its field again."""
        self.daemon.put_back()
        if self._lying is not None:
            async with asyncio.timeout(TIMEOUT_S):
                while not await self._try_insert(self._lying):
                    await asyncio.to_thread(threading.Event().wait, 0.01)

    async def _try_insert(self, card: SimulatedCard) -> bool:
        """A card is where vpcd listens, and it only does once pcscd has found the reader."""
        try:
            await self.field.insert(card)
        except DeviceAbsent:
            return False
        return True

    async def crash(self) -> None:
        """Kill pcscd; return once our reader knows."""
        await self._cut()
        await self.until(watching=False)

    async def _cut(self) -> None:
        self._lying = None
        if self._field is not None:
            await self._field.remove()
        await self.daemon.kill()

    async def until(self, *, watching: bool) -> None:
        """Return once our reader sees cards, or knows that it can't."""
        changed = await asyncio.to_thread(self.pcsc.wait_for, lambda: self.pcsc.watching == watching, TIMEOUT_S)
        assert changed, f"watching is still {not watching}; failure: {self.pcsc.failure}"

    async def start(self) -> None:
        """Start pcscd, on which there is a reader; return once ours sees cards."""
        await self.start_daemon()
        self.pcsc.taps()  # whoever taps without listening wants the reader watched all the same
        await self.until(watching=True)

    async def start_daemon(self, *, with_reader: bool = True) -> None:
        """Start pcscd, whether our reader looks or not; without its reader as one unplugged."""
        await self.daemon.start(with_reader=with_reader)
        self._field = VpcdField(self.daemon.port)

    async def close(self) -> None:
        await self.pcsc.close()
        await self._cut()


def _until(*, present: bool) -> None:
    with Context() as context:
        state = context.state(READER)
        while state.present != present:
            changed = context.change(READER, state, TIMEOUT_S)
            assert changed is not None, f"present is still {state.present}"
            state = changed
