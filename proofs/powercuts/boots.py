"""Some of the cuts' disks are booted whole: does the kiosk serve a customer, and is everything still there then?"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from proofs.powercuts.acks import AckWriter, due, read_acks
from proofs.powercuts.checks import Checker, Found, Touched
from proofs.powercuts.customer import NotServed, at_the_kiosk
from proofs.powercuts.cuts import Bench
from proofs.powercuts.findings import BootFound
from proofs.powercuts.guest import Guest, GuestFailed, make_ssh_key
from proofs.powercuts.log import LogDamaged, WriteLog
from proofs.powercuts.partitions import NoPartitions, copy_disk, partitions
from proofs.powercuts.recording import Recording, Wish, operator_key
from proofs.powercuts.replay import Disk, draw

_ORDERED: Final = [101, 201]


def boot_all(
    recording: Recording,
    positions: Sequence[int],
    *,
    wish: Wish,
    seed: int,
    server: Path | None,
    tell: Callable[[BootFound], None],
) -> None:
    """Boot the disk of a cut at each of `positions`, which are in order; `tell` hears of each."""
    bench = Bench(recording)
    path = recording.folder / "booted.img"
    copy_disk(recording.base, path)
    disk = Disk(path, bench.log)
    try:
        for position in positions:
            with disk.after(draw(bench.log, position, seed)) as image:
                tell(_boot(bench, disk, image, position, wish=wish, server=server))
    finally:
        disk.close()
        path.unlink()


def _boot(bench: Bench, disk: Disk, image: Path, position: int, *, wish: Wish, server: Path | None) -> BootFound:
    folder = bench.recording.folder / f"boot-{position}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    acks = folder / "acks.jsonl"
    not_served, to_serving_s = asyncio.run(_serve(image, folder, acks, bench.recording, wish))
    # The power went again when the customer had their receipt, this time with every write on the medium.
    try:
        with WriteLog(folder / "writes.log") as since, disk.played(since):
            touched = Touched.by(since, partitions(image))
            promised = due(bench.acks, bench.told_by(position)) | due(read_acks(acks), since.path.stat().st_size)
            found = Checker(server, bench.recording.folder, settled=True).check(
                image,
                promised,
                lambda name: bench.touched.since(name, position) or touched.since(name, len(since)),
            )
    except (OSError, ValueError, LogDamaged, NoPartitions) as error:
        found = Found(not_back=[f"its disk can't be looked at: {error}"])
    if not not_served and not found.wrong:
        shutil.rmtree(folder)  # what went wrong is kept, console and all
    return BootFound(position=position, not_served=not_served, to_serving_s=round(to_serving_s, 1), found=found)


async def _serve(image: Path, folder: Path, acks: Path, recording: Recording, wish: Wish) -> tuple[str, float]:
    """Why the kiosk on `image` did not serve a customer ("" if it did), and how long it took to be ready."""
    began_s = time.monotonic()
    guest = Guest(image, folder, make_ssh_key(recording.folder), accelerator=wish.accelerator)
    with AckWriter(acks, guest.log) as writer:
        try:
            async with guest:
                url = await guest.bus(wish.within_s)
                operator = await operator_key(guest, folder, wish.within_s)
                async with at_the_kiosk(url, operator, writer, wish.within_s) as customers:
                    to_serving_s = time.monotonic() - began_s
                    await customers.order_and_pay(_ORDERED)
        except (GuestFailed, NotServed) as error:
            return str(error), time.monotonic() - began_s
    return "", to_serving_s
