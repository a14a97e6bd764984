"""Measuring several ways of doing one thing side by side, so that a busy moment of the machine meets them all.

A round is cut into slices. Within a slice every way has its turn, in an order shuffled anew; a turn starts with
calls that aren't counted, after whatever the turn before left undone was done and the garbage was collected.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

_TURN_TIMEOUT_S = 60.0  # a turn that takes longer hangs


async def _nothing() -> int:
    return 1


@dataclass(frozen=True)
class Way:
    """One way of doing the thing: `call` does it once and completely.

    `check` says whether what `call` returned is what it should be: a fast failure must not win. `settle` returns
    once nothing is left of earlier calls, such as acknowledgements still on their way, and says how often it looked.
    """

    name: str
    call: Callable[[], Awaitable[object]]
    check: Callable[[object], bool]
    settle: Callable[[], Awaitable[int]] = _nothing


@dataclass(frozen=True)
class Effort:
    """How much to measure: calls are per way and round, and divided among the slices."""

    rounds: int = 7
    slices: int = 10
    calls: int = 400
    callers: int = 50
    calls_at_once: int = 3000
    warm_up: int = 20
    seed: int = 1


@dataclass(frozen=True)
class Figures:
    """A way's figures of one round: times in us a call, throughput in calls a second.

    `cpu_us` is this process's processor time a call, and includes what was left to do after the last answer, which
    was done `settled_ms` later (of a turn). A busy neighbour hardly changes it.
    """

    calls: int
    p50_us: float
    p95_us: float
    mean_us: float
    least_us: float
    per_s: float
    cpu_us: float
    settled_ms: float


@dataclass
class _Sample:
    """What one way's turns of a round add up to."""

    times_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    settle_s: list[float] = field(default_factory=list)

    def figures(self) -> Figures:
        times_s = sorted(self.times_s)
        count = len(times_s)
        return Figures(
            calls=count,
            p50_us=statistics.median(times_s) * 1e6,
            p95_us=times_s[min(count - 1, int(count * 0.95))] * 1e6,
            mean_us=statistics.fmean(times_s) * 1e6,
            least_us=times_s[0] * 1e6,
            per_s=count / self.wall_s,
            cpu_us=self.cpu_s / count * 1e6,
            settled_ms=statistics.fmean(self.settle_s) * 1e3,
        )


@dataclass(frozen=True)
class Round:
    """One round: figures by way, with one caller and with many at once."""

    alone: dict[str, Figures]
    at_once: dict[str, Figures]


class WayFailed(Exception):
    """A way does not do what it should, so its speed means nothing."""


async def _turn(way: Way, callers: int, calls: int, warm_up: int, into: _Sample) -> None:
    """Let `callers` make `calls` between them; each makes the next one as soon as its last is done."""
    await way.settle()
    gc.collect()
    left = warm_up
    times_s: list[float] = []

    async def make_calls() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            began_s = time.perf_counter()
            await way.call()
            times_s.append(time.perf_counter() - began_s)

    await asyncio.gather(*(make_calls() for _ in range(min(callers, warm_up))))
    await way.settle()
    times_s.clear()
    left = calls
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(make_calls() for _ in range(callers)))
    done_s = time.perf_counter()
    looks = await way.settle()
    settled_s, settled_cpu_s = time.perf_counter(), time.process_time()
    more_looks = await way.settle()
    look_cpu_s = (time.process_time() - settled_cpu_s) / more_looks
    into.times_s += times_s
    into.wall_s += done_s - began_s
    into.cpu_s += settled_cpu_s - began_cpu_s - looks * look_cpu_s  # to look is no part of the calls
    into.settle_s.append(settled_s - done_s)


def _failed(way: Way, error: Exception) -> WayFailed:
    return WayFailed(f"{way.name} failed: {str(error) or type(error).__name__}")


async def check(ways: Sequence[Way]) -> None:
    """Make one call each way.

    Raises:
        WayFailed: it failed, or returned something else than it should.
    """
    for way in ways:
        try:
            result = await asyncio.wait_for(way.call(), _TURN_TIMEOUT_S)
        except Exception as error:
            raise _failed(way, error) from error
        if not way.check(result):
            raise WayFailed(f"{way.name} returned {result!r}")


async def measure(ways: Sequence[Way], effort: Effort, tick: Callable[[], None]) -> list[Round]:
    """Measure all `ways`, `effort.rounds` times; `tick` is called after each turn.

    Raises:
        WayFailed: a way does not do what it should.
    """
    await check(ways)
    order = list(ways)
    chance = random.Random(effort.seed)  # noqa: S311 - an order of turns, not a secret
    gc.collect()
    gc.freeze()  # what importing left is looked through by nobody's turn
    try:
        rounds = []
        for _ in range(effort.rounds):
            alone = {way.name: _Sample() for way in ways}
            at_once = {way.name: _Sample() for way in ways}
            for samples, callers, calls in ((alone, 1, effort.calls), (at_once, effort.callers, effort.calls_at_once)):
                share = max(1, calls // effort.slices)
                for _ in range(effort.slices):
                    chance.shuffle(order)
                    for way in order:
                        warm_up = max(callers, min(effort.warm_up, share))
                        turn = _turn(way, callers, share, warm_up, samples[way.name])
                        try:
                            await asyncio.wait_for(turn, _TURN_TIMEOUT_S)
                        except Exception as error:
                            raise _failed(way, error) from error
                        tick()
            rounds.append(
                Round(
                    alone={name: sample.figures() for name, sample in alone.items()},
                    at_once={name: sample.figures() for name, sample in at_once.items()},
                )
            )
        return rounds
    finally:
        gc.unfreeze()


def turns(ways: int, effort: Effort) -> int:
    """How often `measure` calls its `tick`."""
    return effort.rounds * effort.slices * ways * 2
