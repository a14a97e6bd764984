"""The NFC reader: loyalty cards, and the sandbox's payment taps. Never a payment card's data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from drivers.states import DeviceState


@dataclass(frozen=True)
class Tap:
    """One card held to the reader, read completely.

    `uid` is the card's identifier as bytes (4, 7 or 10); it stays inside the process that owns the reader and
    is left out of repr so that no log shows it. `loyalty_id` is the text of the card's NDEF loyalty record.
    """

    reader: str
    uid: bytes = field(repr=False)
    card_type: str
    loyalty_id: str | None


class NfcReader(Protocol):
    """A contactless reader."""

    @property
    def name(self) -> str:
        """The reader's name as its system calls it."""

    def taps(self) -> AsyncIterator[Tap]:
        """Each card that is held to the reader from now on, once a contact; for ever, through losses.

        A card torn away before it was read, or one that can't be read, is logged and gives no tap. After a loss of the
        reader or its service a card counts only once it was seen to be taken away: no loss makes a second tap of one.

        Raises:
            DriverError: the reader can't be used at all.
        """

    async def state(self) -> DeviceState:
        """How the reader is now, within 2 s; never raises, and leaves the card that is being read in peace."""

    async def close(self) -> None:
        """Let go of the reader; running `taps()` end."""


def open_nfc_reader(url: str) -> NfcReader:
    """Open the reader at `url`.

    ``simulated:``, ``pcsc:`` (the first reader), ``pcsc:?reader=ACR122`` (the first whose name has that in
    it).

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    address = DeviceAddress.parse(url)
    match address.scheme:
        case "simulated":
            from drivers.nfc.simulated import open_simulated

            return open_simulated(address)
        case "pcsc":
            from drivers.nfc.pcsc import open_pcsc

            return open_pcsc(address)
    raise DeviceSetup(f"no NFC backend for {url!r}; known: simulated:, pcsc:")
