"""Whether the kiosk is well on a slot that is on trial, by what the monitor says at /healthz."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec

HOLD_S = 60.0  # how long everything has to be well without a break (issue: "holds for a minute")
LIMIT_S = 600.0  # after this long without that, the slot is given up
EVERY_S = 2.0
_ANSWER_S = 10.0
_ABSENT = "absent"


class _Answer(msgspec.Struct):
    """What of /healthz counts here."""

    problems: list[str]
    devices: dict[str, Any] = {}

    @property
    def conditions(self) -> dict[str, str] | None:
        """Each device's condition; None when nobody can tell."""
        told = self.devices.get("devices")
        return {name: each["condition"] for name, each in told.items()} if isinstance(told, dict) else None


Ask = Callable[[], Awaitable[bytes]]


def monitor_at(url: str) -> Ask:
    """Asks the monitor at `url` for /healthz; raises OSError or aiohttp.ClientError when it doesn't answer."""

    async def ask() -> bytes:
        limit = aiohttp.ClientTimeout(total=_ANSWER_S)
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(f"{url}/healthz") as answer:
            return await answer.read()  # 200 or 503: the body has the same form

    return ask


async def devices_present(ask: Ask) -> tuple[str, ...] | None:
    """The devices that are there now; None when nobody can tell."""
    answer, _ = await _asked(ask)
    if answer is None or answer.conditions is None:
        return None
    return tuple(sorted(name for name, condition in answer.conditions.items() if condition != _ABSENT))


async def problems(ask: Ask, present_before: tuple[str, ...] | None) -> tuple[str, ...]:
    """What is wrong now: server, streams, an agent, or a device that was there before the update and isn't.

    A device that was missing before is no fault of the update's.
    """
    answer, silence = await _asked(ask)
    if answer is None:
        return (silence,)
    of_devices = set(answer.devices.get("problems", ()))
    found = [each for each in answer.problems if each not in of_devices]
    conditions = answer.conditions
    if present_before and conditions is None:
        return (*found, "nobody can tell which devices are there")
    missing = [name for name in present_before or () if (conditions or {}).get(name, _ABSENT) == _ABSENT]
    return (*found, *(f"{name} was there before the update and is not now" for name in missing))


async def well_for(
    look: Callable[[], Awaitable[tuple[str, ...]]],
    *,
    hold_s: float = HOLD_S,
    limit_s: float = LIMIT_S,
    report: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> tuple[str, ...]:
    """Look until nothing was wrong for `hold_s` seconds without a break: then nothing is returned.

    After `limit_s` seconds the first thing wrong ends it, and is returned. `report` hears each change.
    """
    began = clock()
    since: float | None = None
    said: tuple[str, ...] | None = None
    while True:
        wrong = await look()
        now = clock()
        if wrong != said:
            report("; ".join(wrong) or f"everything is well; {hold_s:.0f} s of that make the slot good")
            said = wrong
        if wrong:
            since = None
            if now - began >= limit_s:
                return wrong
        else:
            since = now if since is None else since
            if now - since >= hold_s:
                return ()
        await pause(EVERY_S)


async def _asked(ask: Ask) -> tuple[_Answer | None, str]:
    try:
        return msgspec.json.decode(await ask(), type=_Answer), ""
    except (OSError, aiohttp.ClientError, TimeoutError):
        return None, "the monitor does not answer"
    except msgspec.DecodeError:
        return None, "the monitor answers something that can't be read"
