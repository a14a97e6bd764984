"""Who keeps the books: one keeper at a time, wherever keepers run. Two would each see half of the events."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Final

from edge.bus.connection import BusError
from edge.bus.hub import Hub, HubRefused
from edge.contract.fleet import BOOKS

log = logging.getLogger(__name__)

_SUBJECT: Final = "hub.book.lease.keeper"
_RENEW_S: Final = 3.0
_LASTS_S: Final = 15.0


class LeaseLost(BusError):
    """Another keeper keeps the books now."""


class Lease:
    """The right to keep the books, as a message of FLEET_BOOKS that only who knows its last sequence can replace.

    Another's is taken when it wasn't renewed for 15 s by our own clock, so clocks need not agree.
    """

    def __init__(self, hub: Hub, holder: str) -> None:
        self.held = False
        self._hub = hub
        self._holder = holder
        self._sequence = 0

    async def take(self) -> None:
        """Return when it is ours.

        Raises:
            BusUnreachable, HubRefused: the hub is away, or has no streams yet.
        """
        said = False
        seen, since_s = -1, 0.0
        while True:
            sequence, holder = await self._last()
            if sequence != seen:
                seen, since_s = sequence, time.monotonic()
            free = holder in ("", self._holder) or time.monotonic() - since_s >= _LASTS_S
            if free and await self._put(self._holder, sequence):
                self.held = True
                return
            if not said:
                log.info("%s keeps the fleet's books; waiting", holder)
                said = True
            await asyncio.sleep(_RENEW_S)

    async def keep(self) -> None:
        """Renew it for ever.

        Raises:
            LeaseLost: another one has it.
            BusUnreachable: the hub is away.
        """
        try:
            while True:
                await asyncio.sleep(_RENEW_S)
                if not await self._put(self._holder, self._sequence):
                    raise LeaseLost("another keeper keeps the books now")
        finally:
            self.held = False

    async def give_up(self) -> None:
        """Let another one take it at once."""
        if self.held:
            self.held = False
            await self._put("", self._sequence)

    async def _last(self) -> tuple[int, str]:
        try:
            found = await self._hub.last(BOOKS, _SUBJECT)
        except HubRefused as error:
            if error.not_found:
                return 0, ""
            raise
        return found.sequence, str(json.loads(found.data)["holder"])

    async def _put(self, holder: str, after: int) -> bool:
        try:
            self._sequence = await self._hub.store(_SUBJECT, {"holder": holder}, after=after)
        except HubRefused as error:
            if error.code == _WRONG_SEQUENCE:
                return False
            raise
        return True


_WRONG_SEQUENCE: Final = 10071  # JSStreamWrongLastSequenceErr
