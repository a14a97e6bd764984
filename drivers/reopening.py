"""Opening a lost device again: one attempt at a time, whoever asks, and less and less often while it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from drivers.backoff import BackOff
from drivers.errors import DeviceAbsent, DeviceTimeout, DriverError
from drivers.states import Condition, DeviceState

STATE_S: Final = 1.5  # within the 2 s that a state may take


class Reopening:
    """What is known of a device that is opened by the blocking `open_it`, between its runs."""

    def __init__(self, label: str, open_it: Callable[[], None]) -> None:
        self._label = label
        self._open_it = open_it
        self._back_off = BackOff()
        self._failure: DriverError = DeviceAbsent(f"{label} was not opened yet")
        self._attempt: asyncio.Task[None] | None = None

    # From any thread

    def began(self) -> None:
        """The device is open."""
        self._back_off.began()

    def failed(self, error: DriverError) -> None:
        """It could not be opened, or was lost."""
        self._failure = error
        self._back_off.failed()

    # On an event loop

    async def attempt(self) -> None:
        """Open the device when it is due; whoever asks meanwhile waits for the same attempt.

        Raises:
            DriverError: what `open_it` raises.
        """
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._when_due(), name=f"opens {self._label}")
            self._attempt.add_done_callback(_heard)
        await asyncio.shield(self._attempt)

    async def state(self) -> DeviceState | None:
        """How a device is that isn't open; None when it is open now, as asking opens it if that is due."""
        if self._back_off.wait_s > 0:
            return DeviceState.of(self._failure)
        try:
            async with asyncio.timeout(STATE_S):
                await self.attempt()
        except DriverError as error:
            return DeviceState.of(error)
        except TimeoutError:
            return DeviceState(Condition.DEGRADED, f"{self._label} is taking long to open", DeviceTimeout.code)
        return None

    async def _when_due(self) -> None:
        await asyncio.sleep(self._back_off.wait_s)
        await asyncio.to_thread(self._open_it)


def _heard(attempt: asyncio.Task[None]) -> None:
    """Whoever waited for the attempt may have left: its failure is kept here."""
    if not attempt.cancelled():
        attempt.exception()
