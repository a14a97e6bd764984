"""The hardware agent: LED strip, NFC reader, receipt printer and the cabinet's wires, on the bus."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar, Final
from urllib.parse import urljoin, urlsplit

from drivers.errors import DeviceTimeout, DriverError
from drivers.leds import Leds
from drivers.nfc import NfcReader, Tap
from drivers.printer import Notice as PrinterNotice
from drivers.printer import Printer, Receipt, ReceiptLine
from drivers.watching import LOOK_EVERY_S, DeviceWatch, TellsState
from edge.agents.hardware.devices import DeviceRegister
from edge.agents.hardware.notices import NoticeDesk
from edge.bus import BusUnreachable, NATSAgentBase, always, does, hears
from edge.contract import hardware
from edge.contract.errors import ErrorCode
from edge.contract.input import CardTap
from edge.contract.subjects import (
    CAMERA_STATE,
    CARD_TAP,
    HARDWARE_STATUS,
    MICROPHONE_STATE,
    PRINT_RECEIPT,
    SET_LED,
)
from edge.notices import NoticeFolder

log = logging.getLogger(__name__)

REMEMBERED_RECEIPTS: Final = 100
SHORTEST_KEY: Final = 16  # bytes: a UID has as few as 4, so only the key keeps a token from being guessed

# Drivers have their own, shorter limits; these only keep a hung library from holding the device for ever.
_LED_LIMIT_S: Final = 5.0
_PRINT_LIMIT_S: Final = 75.0


def card_token(device_key: bytes, uid: bytes) -> str:
    """What stands for a card outside the hardware agent: HMAC-SHA256 of its UID under the key, in hex."""
    return hmac.digest(device_key, uid, "sha256").hex()


class HardwareAgent(NATSAgentBase):
    """Owns every peripheral but camera and microphone; no other agent opens one.

    It follows how each is (`watch_every_s`, and after each use), and hears of the two others from their agents.

    A DriverError raised in a handler reaches the asker as HARDWARE_ERROR with the driver's own words, so a
    handler says only what to do when things go right. The devices are opened, and closed after the agent, by
    whoever makes it.

    `device_key` (16 bytes or more, secret, one a kiosk) turns card UIDs into tokens. `receipts_base_url` is
    what a relative `receipt_url` is joined to for the receipt's QR code; without it only a complete address
    is printed. `pins` are only followed; None is a cabinet without wires. What waits in `notices` is printed.

    Raises:
        ValueError: the key is too short.
    """

    name = "hardware"
    refusals: ClassVar = {DriverError: ErrorCode.HARDWARE_ERROR}

    def __init__(
        self,
        nats_url: str,
        *,
        leds: Leds,
        reader: NfcReader,
        printer: Printer,
        device_key: bytes,
        shop: str,
        currency: str,
        receipts_base_url: str | None,
        pins: TellsState | None = None,
        notices: NoticeFolder | None = None,
        watch_every_s: float = LOOK_EVERY_S,
    ) -> None:
        super().__init__(nats_url)
        if len(device_key) < SHORTEST_KEY:
            raise ValueError(f"the device key has {len(device_key)} bytes; it needs at least {SHORTEST_KEY}")
        self.leds = leds
        self.reader = reader
        self.printer = printer
        self.pins = pins
        watched: dict[str, TellsState] = {"leds": leds, "reader": reader, "printer": printer}
        if pins is not None:
            watched["pins"] = pins
        self.devices = DeviceRegister(
            [DeviceWatch(name, device, every_s=watch_every_s) for name, device in watched.items()]
        )
        self._notices = notices
        self._watch_every_s = watch_every_s
        self._device_key = device_key
        self._shop = shop
        self._currency = currency
        self._receipts_base_url = receipts_base_url
        self._printing = asyncio.Lock()
        self._printed: OrderedDict[str, None] = OrderedDict()

    @does(SET_LED)
    async def set_led(self, ask: hardware.SetLed) -> hardware.Done:
        """Play a pattern on the strip."""
        async with _within(_LED_LIMIT_S, "the LED strip", self.devices.watch("leds")):
            await self.leds.play(ask.pattern, ask.color, ask.duration_ms)
        return hardware.Done()

    @does(PRINT_RECEIPT)
    async def print_receipt(self, ask: hardware.PrintReceipt) -> hardware.Done:
        """Print a receipt, once: the queue may deliver a command again, and an asker may ask again."""
        key = ask.transaction_id or ask.order_id
        async with self._printing:  # the second of two equal asks finds out how the first went
            if key in self._printed:
                log.info("the receipt of %s was printed already", key)
                return hardware.Done()
            async with _within(_PRINT_LIMIT_S, "the printer", self.devices.watch("printer")):
                await self.printer.print_receipt(self._receipt(ask, key))
            self._printed[key] = None
            if len(self._printed) > REMEMBERED_RECEIPTS:
                self._printed.popitem(last=False)
        return hardware.Done()

    @does(HARDWARE_STATUS)
    async def tell_status(self, _: hardware.GetStatus) -> hardware.HardwareStatus:
        """How each device is, as it was known last: a device that hangs keeps no asker waiting."""
        return hardware.HardwareStatus(devices=await self.devices.status())

    @hears(CAMERA_STATE)
    async def hear_of_camera(self, told: hardware.CameraState) -> None:
        """The vision agent tells how its camera is."""
        self.devices.told("camera", "vision", told)

    @hears(MICROPHONE_STATE)
    async def hear_of_microphone(self, told: hardware.MicrophoneState) -> None:
        """The voice agent tells how its microphone is."""
        self.devices.told("microphone", "voice", told)

    @always
    async def watch_devices(self) -> None:
        """Follow how each device is."""
        await self.devices.follow()

    @always
    async def print_notices(self) -> None:
        """Print what waits in the folder of notices, each once, whenever the printer can."""
        if self._notices is not None:
            desk = NoticeDesk(self._notices, self._print_notice, self.devices.watch("printer"))
            await desk.work(every_s=self._watch_every_s)

    async def _print_notice(self, notice: PrinterNotice) -> None:
        async with self._printing, _within(_PRINT_LIMIT_S, "the printer", self.devices.watch("printer")):
            await self.printer.print_notice(notice)

    @always
    async def announce_taps(self) -> None:
        """Tell of each card that is held to the reader."""
        async for tap in self.reader.taps():
            try:
                await self.publish(CARD_TAP, self._anonymous(tap))
            except BusUnreachable as error:
                log.warning("a card tap was lost: %s", error)

    def _anonymous(self, tap: Tap) -> CardTap:
        return CardTap(reader=tap.reader, card=card_token(self._device_key, tap.uid), loyalty_id=tap.loyalty_id)

    def _receipt(self, ask: hardware.PrintReceipt, job: str) -> Receipt:
        return Receipt(
            shop=self._shop,
            order_id=ask.order_id,
            transaction_id=ask.transaction_id,
            lines=tuple(
                ReceiptLine(item.qty, item.name, item.price.decimal, tuple(item.customizations)) for item in ask.items
            ),
            total=ask.total.decimal,
            currency=self._currency,
            printed_at=datetime.now(UTC).astimezone(),
            link=self._link(ask.receipt_url),
            job=job,
        )

    def _link(self, receipt_url: str | None) -> str | None:
        """The address for the QR code; a customer's phone can do nothing with a relative one."""
        if not receipt_url:
            return None
        link = urljoin(self._receipts_base_url or "", receipt_url)
        return link if urlsplit(link).scheme in ("http", "https") else None


@asynccontextmanager
async def _within(limit_s: float, what: str, watch: DeviceWatch) -> AsyncIterator[None]:
    """Give up on a device after `limit_s`; have it looked at when it was used, however that went.

    Raises:
        DeviceTimeout: the time is up.
    """
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise DeviceTimeout(f"{what} did not finish within {limit_s:g} s") from error
        raise
    finally:
        watch.used()
