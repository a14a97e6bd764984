"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer

from edge.cli.bus.moments import moment

EAST = timezone(timedelta(hours=2))
NOW = datetime(2026, 11, 23, 12, 30, 15, 500000, tzinfo=EAST)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOW),
        ("-15m", NOW - timedelta(minutes=15)),
        ("-1h30m", NOW - timedelta(minutes=90)),
        ("-1d", NOW - timedelta(days=1)),
        ("-90s", NOW - timedelta(seconds=90)),
        ("-0.5s", NOW - timedelta(seconds=0.5)),
        ("10:32", datetime(2026, 11, 23, 10, 32, tzinfo=EAST)),
        ("9:05:07.25", datetime(2026, 11, 23, 9, 5, 7, 250000, tzinfo=EAST)),
        ("23:59", datetime(2026, 11, 22, 23, 59, tzinfo=EAST)),
        ("2026-11-23T10:32:00Z", datetime(2026, 11, 23, 10, 32, tzinfo=UTC)),
        ("2026-11-23T10:32:00.123+05:00", datetime(2026, 11, 23, 5, 32, 0, 123000, tzinfo=UTC)),
        ("2026-11-23 10:32", datetime(2026, 11, 23, 10, 32, tzinfo=EAST)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=EAST)),
    ],
)
def test_times_as_people_write_them(text: str, meant: datetime) -> None:
    read = moment(text, NOW)
    assert read == meant
    assert read.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "-", "-m", "25:00", "10:60", "15m", "-99999999d", "2026-13-01"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"is no time|longer ago"):
        moment(text, NOW)


def test_without_a_now_it_is_the_machines() -> None:
    before = datetime.now(UTC)
    assert before <= moment("now") <= datetime.now(UTC)
