"""A recorded run: an image boots for the first time, serves customers, and its power goes, every write of it logged."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from proofs.powercuts.acks import Ack, AckWriter, Serving, read_acks
from proofs.powercuts.customer import NotServed, at_the_kiosk, visits
from proofs.powercuts.filesystems import Broken, change_file
from proofs.powercuts.guest import Guest, GuestFailed, make_ssh_key
from proofs.powercuts.partitions import NoPartitions, copy_disk, extract, named, partitions, put_back

KEYS: Final = "/data/keys"
BUS_CONFIG: Final = "/etc/kiosk/nats/nats-server.conf"
_SYNC: Final = "sync_interval: always"
_CARD_GROWS_MIB: Final = 512  # beyond the image, as a card is larger: the first boot grows the data into it
# There is neither camera nor microphone: simulated ones would take most of an emulated processor.
_KIOSK_TOML: Final = """\
[kiosk]
id = "power-cuts"
shop = "Power cuts"
[devices]
camera = "v4l2:/dev/video0"
microphone = "portaudio:"
"""
# Events of a day are kept: a recording that is older has lost them by itself.
_FRESH_S: Final = 20 * 3600.0

Tell = Callable[[str, int, int], None]  # what is done, how many, of how many


class RecordingUnusable(Exception):
    """There is no recording to go on from; the text says why."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording is of."""

    image: str
    image_bytes: int
    image_changed_ns: int
    customers: int
    seed: int
    without_sync: bool
    began_s: float  # Unix time
    to_serving_s: float
    took_s: float
    qemu: str


@dataclass(frozen=True)
class Recording:
    """A finished recording in `folder`."""

    folder: Path

    @property
    def base(self) -> Path:
        """The disk before the first power-on."""
        return self.folder / "base.img"

    @property
    def log(self) -> Path:
        """Every write since."""
        return self.folder / "writes.log"

    @property
    def about(self) -> About:
        """What it is of."""
        return msgspec.json.decode((self.folder / "recording.json").read_bytes(), type=About)

    @property
    def acks(self) -> list[Ack]:
        """What was promised."""
        return read_acks(self.folder / "acks.jsonl")

    @property
    def served_from_bytes(self) -> int:
        """The log's length when the first customer came."""
        return next(ack.at_bytes for ack in self.acks if isinstance(ack, Serving))


@dataclass(frozen=True)
class Wish:
    """What to record. `within_s` is how long the image may take to serve."""

    image: Path
    customers: int
    seed: int
    without_sync: bool
    within_s: float
    qemu: str
    accelerator: str


def kept(folder: Path, wish: Wish) -> Recording | None:
    """The recording in `folder`, if it is what is wished for and not too old."""
    recording = Recording(folder)
    try:
        about = recording.about
    except (OSError, msgspec.DecodeError):
        return None
    image = wish.image.stat()
    wished = (image.st_size, image.st_mtime_ns, wish.customers, wish.seed, wish.without_sync)
    has = (about.image_bytes, about.image_changed_ns, about.customers, about.seed, about.without_sync)
    return recording if has == wished and time.time() - about.began_s < _FRESH_S else None


async def record(folder: Path, wish: Wish, tell: Tell) -> Recording:
    """Record anew in `folder`, which is emptied first.

    Raises:
        RecordingUnusable: the kiosk did not serve; the text says where its console is.
    """
    recording = Recording(folder)
    tell("a card is written", 0, wish.customers)
    key = await asyncio.to_thread(_begin, folder, wish)
    began_s, began = time.time(), time.monotonic()
    with AckWriter(folder / "acks.jsonl", recording.log) as acks:
        guest = Guest(recording.base, folder, key, accelerator=wish.accelerator)
        try:
            async with guest:
                tell("the first boot", 0, wish.customers)
                to_serving_s = await _serve(guest, folder, wish, acks, tell)
        except (GuestFailed, NotServed) as error:
            raise RecordingUnusable(f"{error} (console: {guest.console})") from error
    image = wish.image.stat()
    about = About(
        image=wish.image.name,
        image_bytes=image.st_size,
        image_changed_ns=image.st_mtime_ns,
        customers=wish.customers,
        seed=wish.seed,
        without_sync=wish.without_sync,
        began_s=began_s,
        to_serving_s=to_serving_s,
        took_s=time.monotonic() - began,
        qemu=wish.qemu,
    )
    (folder / "recording.json").write_bytes(msgspec.json.format(msgspec.json.encode(about)))
    return recording


async def _serve(guest: Guest, folder: Path, wish: Wish, acks: AckWriter, tell: Tell) -> float:
    began_s = time.monotonic()
    url = await guest.bus(wish.within_s)
    operator = await operator_key(guest, folder, wish.within_s)
    async with at_the_kiosk(url, operator, acks, wish.within_s) as customers:
        to_serving_s = time.monotonic() - began_s
        acks.serving()
        chatting = asyncio.create_task(customers.chatter())
        try:
            for number, (pays, dishes) in enumerate(visits(wish.customers, wish.seed)):
                tell("customers", number, wish.customers)
                await (customers.order_and_pay(dishes) if pays else customers.change_their_mind(dishes))
        finally:
            chatting.cancel()
            await asyncio.gather(chatting, return_exceptions=True)
        tell("customers", wish.customers, wish.customers)
    return to_serving_s


async def operator_key(guest: Guest, folder: Path, within_s: float) -> Path:
    """The key of the guest's operator, copied to `folder`.

    Raises:
        GuestFailed: there is none in time.
    """
    seed = await guest.read(f"{KEYS}/operator.nk", within_s)
    keys = folder / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    path = keys / "operator.nk"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(seed)
    return path


def _begin(folder: Path, wish: Wish) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    key = make_ssh_key(folder)
    try:
        _flash(wish, Recording(folder).base, Path(f"{key}.pub").read_text(encoding="ascii"))
    except (NoPartitions, Broken) as error:
        raise RecordingUnusable(f"{wish.image} is no image of a kiosk: {error}") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise RecordingUnusable(f"{wish.image}: its partition KIOSK can't be written: {said}") from error
    return key


def _flash(wish: Wish, card: Path, authorized_keys: str) -> None:
    copy_disk(wish.image, card)
    os.truncate(card, card.stat().st_size + (_CARD_GROWS_MIB << 20))
    table = partitions(card)
    config = named("KIOSK", table)
    for name, text in (("kiosk.toml", _KIOSK_TOML), ("authorized_keys", authorized_keys)):
        path = card.with_name(name)
        path.write_text(text, encoding="utf-8")
        words = ["mcopy", "-o", "-i", f"{card}@@{config.begins}", str(path), f"::{name}"]
        subprocess.run(words, check=True, capture_output=True)
    if wish.without_sync:
        # The server's own default: what it acknowledged is written out every two minutes.
        root = named("root-a", table)
        copy = card.with_name("root-a")
        extract(card, root, copy)
        change_file(copy, BUS_CONFIG, lambda text: re.sub(_SYNC, "# power-cuts: as nats-server comes", text))
        put_back(copy, card, root)
        copy.unlink()
