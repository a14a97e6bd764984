"""Power cuts along a recording: each one's disk is made and looked at, several at a time; what was found is kept."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from proofs.powercuts.acks import Ack, due
from proofs.powercuts.checks import SLOTS, Checker, Touched
from proofs.powercuts.findings import CutFound
from proofs.powercuts.log import WriteLog
from proofs.powercuts.partitions import copy_disk, named, partitions
from proofs.powercuts.recording import Recording
from proofs.powercuts.replay import Disk, draw

_DISK: Final = "disk-"
_OF_THE_BOOT: Final = 0.1
_SEVERAL: Final = 2


def choose(log: WriteLog, served_from_bytes: int, count: int, seed: int) -> list[int]:
    """`count` different positions of `log`, in order.

    A tenth are before customers were served. Of the others half are where several writes are at risk: a kiosk flushes
    so often that at most moments there is one or none.
    """
    drawn = random.Random(seed)  # noqa: S311 - to be repeatable
    served_from = log.position(served_from_bytes)
    boot, busy = range(1, served_from + 1), range(served_from + 1, len(log) + 1)
    chosen = set(drawn.sample(boot, min(round(count * _OF_THE_BOOT), len(boot))))
    risky = [position for position in busy if position - log.durable(position) >= _SEVERAL]
    chosen |= set(drawn.sample(risky, min((count - len(chosen)) // 2, len(risky))))
    others = [position for position in busy if position not in chosen]
    chosen |= set(drawn.sample(others, min(count - len(chosen), len(others))))
    return sorted(chosen)


@dataclass
class Bench:
    """A recording at hand: its log, what it promised, and which partitions it wrote to."""

    recording: Recording
    log: WriteLog = field(init=False)
    acks: list[Ack] = field(init=False)
    touched: Touched = field(init=False)

    def __post_init__(self) -> None:
        self.log = WriteLog(self.recording.log)
        self.acks = self.recording.acks
        self.touched = Touched.by(self.log, partitions(self.recording.base))

    def told_by(self, position: int) -> int:
        """The log's length at `position`."""
        return self.log.entries[position - 1].ends if position else 0


class _Worker:
    """What a process of the pool keeps: a disk of its own, without the slots' gigabytes."""

    def __init__(self, folder: Path, seed: int, server: Path | None) -> None:
        self.bench = Bench(Recording(folder))
        self.seed = seed
        self.checker = Checker(server=server, folder=folder)
        base = self.bench.recording.base
        path = folder / f"{_DISK}{os.getpid()}.img"
        table = partitions(base)
        copy_disk(base, path, without=[named(slot, table) for slot in SLOTS])
        self.disk = Disk(path, self.bench.log)


_worker: list[_Worker] = []


def _begin(folder: Path, seed: int, server: Path | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started the pool
    _worker.append(_Worker(folder, seed, server))


def _examine(position: int) -> CutFound:
    (worker,) = _worker
    began_s = time.monotonic()
    bench = worker.bench
    cut = draw(bench.log, position, worker.seed)
    with worker.disk.after(cut) as disk:
        found = worker.checker.check(
            disk,
            due(bench.acks, bench.told_by(position)),
            lambda name: bench.touched.since(name, position),
        )
    took_s = round(time.monotonic() - began_s, 2)
    return CutFound(position=position, whole=cut.whole, torn=cut.torn, lost=cut.lost, found=found, took_s=took_s)


def examine(
    recording: Recording,
    positions: Sequence[int],
    *,
    seed: int,
    jobs: int,
    server: Path | None,
    tell: Callable[[CutFound], None],
) -> None:
    """Look at a cut at each of `positions`, which are in order; `tell` hears of each when it is done.

    Each process takes the next position when it is free, so that its own disk only ever goes forward.
    """
    folder = recording.folder
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (folder, seed, server)) as pool:
        waiting: set[Future[CutFound]] = set()
        try:
            for future in _submitted(pool, positions, waiting, jobs):
                tell(future.result())
        finally:
            pool.shutdown(cancel_futures=True)
            for disk in folder.glob(f"{_DISK}*"):
                disk.unlink()


def _submitted(
    pool: ProcessPoolExecutor, positions: Sequence[int], waiting: set[Future[CutFound]], jobs: int
) -> Iterator[Future[CutFound]]:
    left = iter(positions)
    while True:
        while len(waiting) < jobs and (position := next(left, None)) is not None:
            waiting.add(pool.submit(_examine, position))
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        waiting -= done
        yield from done
