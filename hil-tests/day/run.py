"""A whole day from opening to closing time, and what is judged at its end."""

from __future__ import annotations

import asyncio
import faulthandler
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from day.books import Books, balance
from day.lobby import TAP_TIMEOUT_S, FastKiosk, VisitFailed, opened
from day.plan import plan
from day.vitals import Vitals, descriptors, growth_kb, trend, vitals
from edge.config import Config, Payment
from edge.models import Store

MOST_GROWTH_KB: Final = 10.0  # in use a customer; a picture or receipt that is leaked would be 200 and more
FEWEST_FOR_A_TREND: Final = 100  # customers; before, caches that fill look like a leak
_SAMPLE_EVERY: Final = 5
MOST_GROWTH: Final = 0.1  # of what was resident half-way: steps that the median doesn't see
_WARM_UP: Final = 0.5  # of the day: caches, the arenas of allocators, the bench page's last 50 receipts
_HANGS_S: Final = 35.0  # no customer takes so long
_GONE_WITHIN_S: Final = 10.0
_LOOK_S: Final = 0.2


@dataclass
class Findings:
    """All that a day came to."""

    customers: int
    seed: int
    samples: list[Vitals] = field(default_factory=list)
    endings: dict[str, int] = field(default_factory=dict)
    accidents: dict[str, int] = field(default_factory=dict)
    reprints: int = 0
    unseen: int = 0  # customers whom the camera, lost a moment before, didn't see coming
    failed: list[str] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    books: Books = field(default_factory=Books)
    threads_left: list[str] = field(default_factory=list)
    tasks_left: list[str] = field(default_factory=list)
    descriptors_left: int = 0
    took_s: float = 0.0

    @property
    def warm(self) -> list[Vitals]:
        """The samples after the warm-up."""
        return [each for each in self.samples if each.customers >= _WARM_UP * self.customers]

    @property
    def growth_kb(self) -> float:
        """Memory that each customer left in use, in KB, after the warm-up."""
        return growth_kb(self.warm)

    @property
    def broken(self) -> list[str]:
        """The promises that did not hold, in words; empty when all did."""
        found = [*self.failed, *self.malformed, *self.books.wrong]
        if self.customers >= FEWEST_FOR_A_TREND and self.growth_kb > MOST_GROWTH_KB:
            found.append(f"{self.growth_kb:.0f} KB of memory stay in use a customer, more than {MOST_GROWTH_KB:.0f}")
        begun_mb, ended_mb = self.warm[0].trimmed_mb, self.warm[-1].trimmed_mb
        if self.customers >= FEWEST_FOR_A_TREND and ended_mb > (1 + MOST_GROWTH) * begun_mb:
            found.append(f"memory grew from {begun_mb:.0f} to {ended_mb:.0f} MB when warm")
        for what in ("descriptors", "threads", "tasks", "server_descriptors"):
            more = trend([getattr(each, what) for each in self.warm])
            if more > 1:
                found.append(f"{what.replace('_', ' ')}: {more} more in the day's second half than in its first")
        found += [f"left after closing time: thread {name}" for name in self.threads_left]
        found += [f"left after closing time: task {name}" for name in self.tasks_left]
        if self.descriptors_left > 0:
            found.append(f"left after closing time: {self.descriptors_left} file descriptors")
        return found

    def figures(self) -> dict[str, Any]:
        """All of it as JSON-ready numbers."""
        warm = self.warm
        return {
            "customers": self.customers,
            "seed": self.seed,
            "endings": self.endings,
            "accidents": self.accidents,
            "not_seen_in_time": self.unseen,
            "reprints_asked": self.reprints,
            "orders_paid": len(self.books.paid),
            "charges": sum(self.books.charges.values()),
            "cards_declined": self.books.declined,
            "receipts": sum(self.books.receipts.values()),
            "growth_kb_a_customer": round(self.growth_kb, 1),
            "warm": asdict(warm[0]) if warm else None,
            "end": asdict(warm[-1]) if warm else None,
            "samples": [asdict(each) for each in self.samples],
            "threads_left": self.threads_left,
            "tasks_left": self.tasks_left,
            "descriptors_left": self.descriptors_left,
            "took_s": round(self.took_s, 1),
            "broken": self.broken,
        }


async def live(customers: int, seed: int, folder: Path, tell: Callable[[int], None] = lambda _: None) -> Findings:
    """Live through a day of so many customers, its data in `folder`; `tell` hears how many are over."""
    found = Findings(customers, seed)
    began_s = time.monotonic()
    await asyncio.to_thread(_wake)  # threads and descriptors that any program of ours has
    threads = set(threading.enumerate())
    tasks = asyncio.all_tasks()
    held = descriptors("self")
    config = Config(payment=Payment(tap_timeout_s=TAP_TIMEOUT_S))
    kiosk = FastKiosk(config, Store(), folder)
    with (folder / "stacks.txt").open("w", encoding="utf-8") as stacks:
        async with kiosk, opened(kiosk) as day:
            found.samples.append(vitals(0))
            for visit in plan(customers, seed):
                faulthandler.dump_traceback_later(_HANGS_S, file=stacks)  # what hung, for whoever must find out
                try:
                    await day.serve(visit)
                except VisitFailed as failure:
                    found.failed.append(str(failure))
                finally:
                    faulthandler.cancel_dump_traceback_later()
                if visit.number % _SAMPLE_EVERY == 0 or visit.number == customers:
                    found.samples.append(vitals(visit.number))
                tell(visit.number)
            found.endings, found.accidents = dict(day.endings.most_common()), dict(day.accidents.most_common())
            found.reprints, found.unseen, found.malformed = day.reprints, day.unseen, day.malformed
    found.books = await asyncio.to_thread(balance, folder, day.papers, day.promised)
    await _until_gone(found, threads, tasks)
    found.descriptors_left = max(0, descriptors("self") - held)
    found.took_s = time.monotonic() - began_s
    return found


def _wake() -> None:
    """Nothing: the pool's first thread is there now."""


async def _until_gone(found: Findings, threads: set[threading.Thread], tasks: set[asyncio.Task[Any]]) -> None:
    """See what is left of threads and tasks when those that are on their way out had their time."""
    deadline_s = time.monotonic() + _GONE_WITHIN_S
    while True:
        left = [each for each in threading.enumerate() if each not in threads and not _of_pool(each)]
        going = [each for each in asyncio.all_tasks() - tasks if each is not asyncio.current_task()]
        if not (left or going) or time.monotonic() > deadline_s:
            break
        await asyncio.wait(
            [asyncio.ensure_future(asyncio.to_thread(left[0].join, 0.2))] if left else going, timeout=0.2
        )
    found.threads_left = sorted(each.name for each in left)
    found.tasks_left = sorted(each.get_name() for each in going)


def _of_pool(thread: threading.Thread) -> bool:
    """asyncio's own pool of at most 32 threads stays as long as its loop."""
    return thread.name.startswith("asyncio_")
