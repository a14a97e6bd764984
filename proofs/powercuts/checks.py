"""What is looked at on a disk after a power cut, without booting it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from edge.flash.gpt import NoTable
from edge.update.firmware import AutobootInvalid, autoboot_of, booted_slot
from proofs.powercuts.acks import Due
from proofs.powercuts.books import check_books
from proofs.powercuts.filesystems import Broken, check_fat, read_out, recover_ext4
from proofs.powercuts.log import WriteLog
from proofs.powercuts.partitions import NoPartitions, Partition, extract, named, partitions
from proofs.powercuts.store import StoreUnusable, held_events

DATA: Final = "data"
FATS: Final = ("KIOSK", "BOOT-A", "BOOT-B")
SLOTS: Final = ("root-a", "root-b")
# On the data partition (ansible/roles/bus and agents).
STORE: Final = "/nats"
PAYMENTS: Final = "/agents/payment/payments"


class Found(msgspec.Struct, kw_only=True):
    """What one disk showed. All lists are of what is wrong, but `repaired`: what e2fsck may put right by itself."""

    not_back: list[str] = []  # partition table, file systems, the bus's store
    repaired: list[str] = []
    events_due: int = 0
    events_lost: int = 0
    orders_due: int = 0
    orders_lost: list[str] = []
    charged_twice: list[str] = []
    books_wrong: list[str] = []
    slots_written: list[str] = []
    in_doubt: int = 0

    @property
    def wrong(self) -> list[str]:
        """All of it in words; empty when every promise held."""
        lost = [f"{self.events_lost} of {self.events_due} acknowledged events lost"] if self.events_lost else []
        return [
            *self.not_back,
            *lost,
            *(f"order {order} was acknowledged and is lost" for order in self.orders_lost),
            *(f"order {order} was charged twice" for order in self.charged_twice),
            *self.books_wrong,
            *(f"{slot} was written to" for slot in self.slots_written),
        ]


@dataclass(frozen=True)
class Touched:
    """From which entry of a log on a partition is written to; partitions that never are, aren't in it."""

    first: dict[str, int]

    @classmethod
    def by(cls, log: WriteLog, table: Iterable[Partition]) -> Touched:
        """Of the partitions as `table` has them."""
        first: dict[str, int] = {}
        wanted = [each for each in table if each.name != DATA]
        for number, entry in enumerate(log.entries):
            if not entry.changes:
                continue
            begins = entry.sector * log.sector_bytes
            ends = begins + entry.sectors * log.sector_bytes
            for each in wanted:
                if each.name not in first and begins < each.ends and ends > each.begins:
                    first[each.name] = number
        return cls(first)

    def since(self, name: str, position: int) -> bool:
        """Whether it was written to within the first `position` entries."""
        return name in self.first and self.first[name] < position


@dataclass(frozen=True)
class Checker:
    """Looks at disks.

    `server` is the nats-server to start on stores; without, the one that `kiosk virtual` runs. `folder` is where copies
    are made. `settled` says that the kiosk ran since the cut, so that no payment may be in doubt any more.
    """

    server: Path | None = None
    folder: Path | None = None
    settled: bool = False

    def check(self, disk: Path, due: Due, touched: Callable[[str], bool]) -> Found:
        """Look at `disk`, which stays as it is. `touched` tells which partitions were written since flashing."""
        found = Found(events_due=len(due.events), orders_due=len(due.orders))
        found.slots_written = [slot for slot in SLOTS if touched(slot)]
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="cut-") as work:
            try:
                self._check(disk, due, touched, found, Path(work))
            except Broken as error:
                found.not_back.append(str(error))
                found.events_lost, found.orders_lost = len(due.events), sorted(due.orders)
        return found

    def _check(self, disk: Path, due: Due, touched: Callable[[str], bool], found: Found, work: Path) -> None:
        try:
            table = partitions(disk)
            data = named(DATA, table)
            slot = booted_slot(autoboot_of(disk), tryboot=False)
            named(f"BOOT-{slot}", table)
        except (NoPartitions, NoTable, AutobootInvalid) as error:
            raise Broken(str(error)) from error
        copy = work / "partition"
        for name in filter(touched, FATS):
            extract(disk, named(name, table), copy)
            try:
                check_fat(copy)
            except Broken as error:
                found.not_back.append(f"{name}: {error}")
        extract(disk, data, copy)
        try:
            found.repaired = recover_ext4(copy)
            store = read_out(copy, STORE, work / "store")
            payments = read_out(copy, PAYMENTS, work / "books")
        except Broken as error:
            raise Broken(f"{DATA}: {error}") from error
        held: set[str] = set()
        if store is not None:
            try:
                held = held_events(store, self.server)
            except StoreUnusable as error:
                found.not_back.append(f"the bus's store: {error}")
        found.events_lost = len(due.events - held)
        books = check_books(payments or work, due.orders, settled=self.settled)
        found.orders_lost, found.charged_twice, found.books_wrong = books.lost, books.charged_twice, books.wrong
        found.in_doubt = books.in_doubt
