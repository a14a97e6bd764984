"""The disk after a cut, against a model of a disk with a cache that is written for clearness, sector by sector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.powercuts.log import WriteLog
from proofs.powercuts.replay import Disk, draw
from tests.proofs.powercuts.written import DISCARD, FLUSHED, FUA, Request, discard, write, write_log

SECTORS = 12
BEFORE = 0xEE


@st.composite
def _writes(drawn: st.DrawFn) -> Request:
    sector = drawn(st.integers(0, SECTORS - 1))
    sectors = drawn(st.integers(1, min(6, SECTORS - sector)))
    if drawn(st.integers(0, 9)) == 0:
        return discard(sector, sectors)
    return write(sector, drawn(st.integers(1, 200)), sectors, drawn(st.sampled_from([0, 0, 0, FUA])))


requests = st.lists(st.one_of(_writes(), st.just(FLUSHED)), max_size=25)


@contextmanager
def _begun(asked: list[Request]) -> Iterator[tuple[WriteLog, Disk]]:
    with TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        image.write_bytes(bytes([BEFORE]) * 512 * SECTORS)
        with WriteLog(write_log(Path(folder) / "log", asked)) as log:
            disk = Disk(image, log)
            try:
                yield log, disk
            finally:
                disk.close()


def _possible(asked: list[Request]) -> list[set[int]]:
    """By sector, every value that it may have when the power goes after `asked`."""
    may_be = [{BEFORE} for _ in range(SECTORS)]
    now = [BEFORE] * SECTORS
    for each in asked:
        count = each.sectors or len(each.data) // 512
        fill = 0 if each.flags & DISCARD else each.data[0] if each.data else 0
        for sector in range(each.sector, each.sector + count):
            now[sector] = fill
            may_be[sector] = {fill} if each.flags & FUA else may_be[sector] | {fill}
        if not count:  # a flush
            may_be = [{value} for value in now]
    return may_be


def _read(path: Path) -> list[int]:
    raw = path.read_bytes()
    sectors = [raw[at : at + 512] for at in range(0, len(raw), 512)]
    assert all(sector == sector[:1] * 512 for sector in sectors), "a sector is never torn"
    return [sector[0] for sector in sectors]


@given(requests, st.integers(0, 5), st.data())
def test_no_cut_leaves_what_a_disk_could_not(asked: list[Request], seed: int, data: st.DataObject) -> None:
    positions = sorted(data.draw(st.lists(st.integers(0, len(asked)), min_size=1, max_size=4)))
    with _begun(asked) as (log, disk):
        for position in positions:
            with disk.after(draw(log, position, seed)) as image:
                found = _read(image)
            assert all(value in may for value, may in zip(found, _possible(asked[:position]), strict=True))


@given(requests, st.integers(0, 5))
def test_a_cut_leaves_no_trace_on_the_next(asked: list[Request], seed: int) -> None:
    with _begun(asked) as (log, disk), _begun(asked) as (_, afresh):
        for position in range(len(asked)):
            with disk.after(draw(log, position, seed)):
                pass
        last = draw(log, len(asked), seed)
        with disk.after(last) as image, afresh.after(last) as other:
            assert _read(image) == _read(other)


@given(requests, st.integers(0, 5))
def test_the_same_seed_cuts_the_same(asked: list[Request], seed: int) -> None:
    with _begun(asked) as (log, _):
        assert draw(log, len(asked), seed) == draw(log, len(asked), seed)


@given(requests, st.integers(0, 5))
def test_every_write_is_counted_once(asked: list[Request], seed: int) -> None:
    with _begun(asked) as (log, _):
        cut = draw(log, len(asked), seed)
        assert cut.whole + cut.torn + cut.lost == sum(each.changes for each in log.entries[cut.durable :])


def test_all_that_may_happen_to_a_cache_does() -> None:
    """Two overlapping writes: old or new in each of the sectors, in every mix that a medium may leave."""
    asked = [write(0, 1, 3), FLUSHED, write(0, 2, 2), write(1, 3, 2)]
    seen = set()
    with _begun(asked) as (log, disk):
        for seed in range(2000):
            with disk.after(draw(log, len(asked), seed)) as image:
                seen.add(tuple(_read(image)[:3]))
    assert seen == {(a, b, c) for a in (1, 2) for b in (1, 2, 3) for c in (1, 3)}


def test_a_cut_in_a_flushed_disk_takes_nothing() -> None:
    asked = [write(0, 1), write(4, 2, 3), FLUSHED]
    with _begun(asked) as (log, disk):
        for seed in range(50):
            cut = draw(log, len(asked), seed)
            assert not cut.spans
            with disk.after(cut) as image:
                assert _read(image)[:7] == [1, BEFORE, BEFORE, BEFORE, 2, 2, 2]


def test_the_disk_goes_forward_only() -> None:
    with _begun([write(0, 1), FLUSHED, write(0, 2), FLUSHED]) as (log, disk):
        disk.forward(4)
        assert disk.applied == 4
        with pytest.raises(ValueError, match="does not go back"), disk.after(draw(log, 2, 1)):
            pass


def test_a_cut_beyond_the_log_is_refused() -> None:
    with _begun([FLUSHED]) as (log, _), pytest.raises(ValueError, match="a cut at 2"):
        draw(log, 2, 1)
