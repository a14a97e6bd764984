"""Ratios of one way's figures to another's: of the same round, so that both met the same machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.rounds import Figures, Round


@dataclass(frozen=True)
class Spread:
    """A figure over all rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of one value a round."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Measure:
    """What of a way's figures is compared: `at_once` with many callers, else with one."""

    words: str
    at_once: bool
    value: Callable[[Figures], float]

    def of(self, one: Round, way: str) -> float:
        """The value of `way` in a round."""
        return self.value((one.at_once if self.at_once else one.alone)[way])

    def spread(self, rounds: Sequence[Round], way: str) -> Spread:
        """The value of `way` over all rounds."""
        return Spread.of([self.of(one, way) for one in rounds])

    def ratio(self, rounds: Sequence[Round], way: str, to: str) -> Spread:
        """The value of `way` as a multiple of that of `to`, each round by itself."""
        return Spread.of([self.of(one, way) / self.of(one, to) for one in rounds])


P50 = Measure("p50", at_once=False, value=lambda figures: figures.p50_us)
P95 = Measure("p95", at_once=False, value=lambda figures: figures.p95_us)
CPU = Measure("CPU", at_once=False, value=lambda figures: figures.cpu_us)
P50_AT_ONCE = Measure("p50 of many callers", at_once=True, value=lambda figures: figures.p50_us)
CPU_AT_ONCE = Measure("CPU with many callers", at_once=True, value=lambda figures: figures.cpu_us)
THROUGHPUT = Measure("throughput", at_once=True, value=lambda figures: figures.per_s)
MEASURES = {
    "p50": P50,
    "p95": P95,
    "cpu": CPU,
    "p50_at_once": P50_AT_ONCE,
    "cpu_at_once": CPU_AT_ONCE,
    "throughput": THROUGHPUT,
}


@dataclass(frozen=True)
class Target:
    """What a ratio should be: at most `limit`, or `at_least` it."""

    way: str
    to: str
    measure: Measure
    limit: float
    at_least: bool = False

    @property
    def words(self) -> str:
        """The target as a person reads it."""
        return (
            f"{self.way}: {self.measure.words} {'at least' if self.at_least else 'at most'} {self.limit:g} x {self.to}"
        )

    def met_by(self, found: Spread) -> bool:
        """Whether the median over the rounds is on the right side of the limit."""
        return found.median >= self.limit if self.at_least else found.median <= self.limit
