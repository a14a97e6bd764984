"""A simulated contactless reader, to which simulated cards are held."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from typing import Final

from drivers.address import DeviceAddress
from drivers.errors import CardTornAway, DeviceLost, DriverError
from drivers.nfc import Tap
from drivers.nfc.card import SimulatedCard
from drivers.nfc.reading import read_card, split_answer
from drivers.nfc.stream import TapStreams
from drivers.states import READY, Condition, DeviceState

__all__ = ["SimulatedCard", "SimulatedReader", "open_simulated"]

# A command of 5 and an answer of 18 bytes take 2 ms at 106 kbit/s (ISO/IEC 14443-2), and the USB frame one
# more.
AIR_TIME_S: Final = 0.003

_log = logging.getLogger(__name__)


class _Contact:
    """A card from when it enters the field until it leaves."""

    def __init__(self, card: SimulatedCard, torn_after: int | None) -> None:
        self.card = card
        self._commands_left = torn_after
        self._gone = threading.Event()

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def leave(self) -> None:
        self._gone.set()

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        """Carry a command to the card, in the reading thread."""
        if self._commands_left == 0:
            self.leave()
        if self._gone.wait(AIR_TIME_S):
            raise CardTornAway("the card left the reader before it was read")
        if self._commands_left is not None:
            self._commands_left -= 1
        return split_answer(self.card.answer(command))


class SimulatedReader:
    """A reader with a field for one card."""

    def __init__(self) -> None:
        self._streams = TapStreams()
        self._contact: _Contact | None = None
        self._plugged = True
        self._closed = False

    @property
    def name(self) -> str:
        """The reader's name."""
        return "Simulated NFC reader"

    def taps(self) -> AsyncIterator[Tap]:
        """Each card held to the reader from now on, once a contact."""
        return self._streams.open()

    async def state(self) -> DeviceState:
        """How the reader is now."""
        if self._closed:
            return DeviceState(Condition.ABSENT, f"{self.name}: closed")
        return READY if self._plugged else DeviceState.of(DeviceLost(f"{self.name} was unplugged"))

    async def close(self) -> None:
        """Let go of the reader; running `taps()` end."""
        self._closed = True
        self.tear_away()
        self._streams.end()

    # Stage directions

    async def tap(self, card: SimulatedCard, hold_s: float = 1.0, *, torn_after: int | None = None) -> Tap | None:
        """Hold `card` to the reader; return when the reader is done with it: what it made of it, or None.

        The card stays for `hold_s` seconds in all, also after it was read, or until `tear_away` or the next
        `tap`. With `torn_after` it is pulled away after it answered so many commands. None is said of a
        card that left too soon, of one that can't be read, and by a reader that is unplugged.
        """
        self.tear_away()
        if not self._plugged:
            return None
        contact = self._contact = _Contact(card, torn_after)
        asyncio.get_running_loop().call_later(hold_s, contact.leave)
        try:
            tap = await asyncio.to_thread(read_card, self.name, card.atr, contact.transmit)
        except CardTornAway as error:
            _log.info("%s: %s", self.name, error)
            return None
        except DriverError as error:
            _log.warning("%s: %s", self.name, error)
            return None
        self._streams.put(tap)
        return tap

    def tear_away(self) -> None:
        """Pull away the card that is held to the reader, read or not."""
        if self._contact is not None:
            self._contact.leave()
            self._contact = None

    @property
    def card(self) -> SimulatedCard | None:
        """The card that is held to the reader now."""
        if self._contact is None or self._contact.gone:
            return None
        return self._contact.card

    @property
    def plugged(self) -> bool:
        """Whether the reader is there."""
        return self._plugged

    def unplug(self) -> None:
        """Pull the reader's cable: `taps()` wait for it to come back."""
        self.tear_away()
        self._plugged = False

    def plug(self) -> None:
        """Put the cable back. A card lying there then counts once it was taken away and held to it again."""
        self._plugged = True


def open_simulated(address: DeviceAddress) -> SimulatedReader:
    """Open ``simulated:``.

    Raises:
        DeviceSetup: an option is given; there is none.
    """
    address.only()
    return SimulatedReader()
