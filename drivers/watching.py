"""Following how a device is: each change once, and since when."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from drivers.errors import DeviceTimeout, DriverError
from drivers.states import Condition, DeviceState

LOOK_EVERY_S: Final = 5.0
LOOK_S: Final = 2.5  # a driver answers within 2
TOLD_AGAIN_S: Final = 30.0  # so often an agent tells how its device is, though nothing changed

_log = logging.getLogger(__name__)
_NUMBERS: Final = re.compile(r"\d+([.,]\d+)*")


class TellsState(Protocol):
    """A device of any kind."""

    async def state(self) -> DeviceState:
        """How it is now."""


@dataclass(frozen=True)
class Seen:
    """How a device was at the last look, and since when (UTC) it is so."""

    state: DeviceState
    since: datetime

    @property
    def since_text(self) -> str:
        """`since` as messages carry it."""
        return utc_text(self.since)


def utc_text(moment: datetime) -> str:
    """`moment` (UTC) in ISO 8601, with milliseconds and Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class DeviceWatch:
    """Follows the device `name`. A change is logged once; other numbers in a reason are none."""

    def __init__(self, name: str, device: TellsState, *, every_s: float = LOOK_EVERY_S, look_s: float = LOOK_S) -> None:
        self.name = name
        self._device = device
        self._every_s = every_s
        self._look_s = look_s
        self._seen: Seen | None = None
        self._used = asyncio.Event()

    async def seen(self) -> Seen:
        """How the device was at the last look; looks if there was none yet."""
        return self._seen or (await self.look())

    def used(self) -> None:
        """The device was used just now: it is looked at soon."""
        self._used.set()

    async def look(self) -> Seen:
        """Ask the device; never raises, and never takes longer than `look_s`."""
        state = await self._state()
        before = self._seen
        changed = before is None or _kind(before.state) != _kind(state)
        self._seen = Seen(state, datetime.now(UTC) if changed or before is None else before.since)
        if changed and not (before is None and state.condition is Condition.READY):
            # At the first look a device may still be beginning: a camera that gave no picture yet.
            beginning = before is None and state.condition is Condition.DEGRADED
            level = logging.INFO if beginning or state.condition is Condition.READY else logging.WARNING
            _log.log(level, "%s: %s%s", self.name, state.condition, f": {state.reason}" if state.reason else "")
        return self._seen

    async def follow(self, again_s: float | None = None) -> AsyncGenerator[Seen, None]:
        """How the device is now, then each change, for ever; with `again_s` also so long after it was told last."""
        told: Seen | None = None
        clock = asyncio.get_running_loop().time
        told_at_s = 0.0
        while True:
            self._used.clear()
            seen = await self.look()
            due = again_s is not None and clock() - told_at_s >= again_s
            if told is None or seen.since != told.since or due:
                told, told_at_s = seen, clock()
                yield seen
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._used.wait()

    async def _state(self) -> DeviceState:
        try:
            async with asyncio.timeout(self._look_s):
                return await self._device.state()
        except TimeoutError:
            return DeviceState(Condition.DEGRADED, f"{self.name} does not say how it is", DeviceTimeout.code)
        except Exception as error:  # whatever a driver has wrong must not end the watch over it
            if self._seen is None or self._seen.state.code != DriverError.code:
                _log.exception("%s: a fault in its driver", self.name)
            return DeviceState(Condition.DEGRADED, f"a fault in the driver: {error}", DriverError.code)


def _kind(state: DeviceState) -> tuple[Condition, str, str]:
    return state.condition, state.code, _NUMBERS.sub("#", state.reason)
