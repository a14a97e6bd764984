"""Ratios are of the same round, and a target looks at their median."""

from __future__ import annotations

import pytest

from benchmarks.ratios import P50, THROUGHPUT, Spread, Target
from benchmarks.rounds import Figures, Round


def figures(p50_us: float, per_s: float) -> Figures:
    return Figures(
        calls=1,
        p50_us=p50_us,
        p95_us=2 * p50_us,
        mean_us=p50_us,
        least_us=p50_us,
        per_s=per_s,
        cpu_us=p50_us,
        settled_ms=0.0,
    )


def one_round(raw_us: float, ours_us: float, *, raw_per_s: float = 1.0, ours_per_s: float = 1.0) -> Round:
    return Round(
        alone={"raw": figures(raw_us, 0.1), "ours": figures(ours_us, 0.1)},
        at_once={"raw": figures(1000, raw_per_s), "ours": figures(1000, ours_per_s)},
    )


def test_ratios_are_taken_round_by_round() -> None:
    rounds = [one_round(100, 120), one_round(300, 330), one_round(400, 600)]
    spread = P50.ratio(rounds, "ours", "raw")
    assert (spread.median, spread.least, spread.most) == pytest.approx((1.2, 1.1, 1.5))
    assert P50.spread(rounds, "ours") == Spread(330, 120, 600)


def test_throughput_is_that_of_many_callers() -> None:
    rounds = [one_round(1, 1, raw_per_s=1000, ours_per_s=2500)]
    assert THROUGHPUT.ratio(rounds, "ours", "raw").median == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("median", "at_least", "met"), [(1.2, False, True), (1.21, False, False), (1.2, True, True), (1.19, True, False)]
)
def test_a_target_looks_at_the_median(median: float, at_least: bool, met: bool) -> None:
    target = Target("ours", "raw", P50, 1.2, at_least=at_least)
    assert target.met_by(Spread(median, 0.1, 9.0)) is met


def test_a_target_says_what_it_wants() -> None:
    assert Target("ours", "raw", P50, 1.2).words == "ours: p50 at most 1.2 x raw"
    assert Target("ours", "theirs", THROUGHPUT, 2, at_least=True).words == "ours: throughput at least 2 x theirs"
