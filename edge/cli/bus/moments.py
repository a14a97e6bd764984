"""Times as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

_AGO: Final = re.compile(r"-(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,6})?))?")
SHAPES: Final = "ISO 8601 (2026-11-23T10:32:00Z), a time of day (10:32), or how long ago (-15m, -1h30m)"


def moment(text: str, now: datetime | None = None) -> datetime:
    """The time that `text` means, in UTC. What names no zone is the machine's local time.

    A time of day is the latest such: today's, or yesterday's where today's is still to come.

    Raises:
        typer.BadParameter: it means none; the text says what does.
    """
    present = now or datetime.now(UTC).astimezone()
    if text == "now":
        return present.astimezone(UTC)
    if ago := _AGO.fullmatch(text):
        days, hours, minutes, seconds = (float(each or 0) for each in ago.groups())
        try:
            return (present - timedelta(days, seconds, hours=hours, minutes=minutes)).astimezone(UTC)
        except OverflowError:
            raise typer.BadParameter(f"{text!r} is longer ago than there are dates") from None
    try:
        if clock := _CLOCK.fullmatch(text):
            hour, minute, second = clock.groups()
            whole, _, fraction = (second or "0").partition(".")
            today = present.replace(
                hour=int(hour), minute=int(minute), second=int(whole), microsecond=int(fraction.ljust(6, "0") or 0)
            )
            return (today if today <= present else today - timedelta(days=1)).astimezone(UTC)
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=present.tzinfo)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no time ({error}): give {SHAPES}") from None
