"""What surrounds a virtual kiosk: people before its camera, their voices, cards and hands, its devices.

Everything here is what a person at a real kiosk would do; what the kiosk makes of it goes over the bus.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from PIL import Image

from drivers.camera.simulated import SimulatedCamera
from drivers.leds.simulated import SimulatedLeds
from drivers.microphone.simulated import SimulatedMicrophone
from drivers.nfc.simulated import SimulatedCard, SimulatedReader
from drivers.printer.paper import PrintedReceipt
from drivers.printer.simulated import NEAR_END_MM, SimulatedPrinter

VOICES: Final = Path(__file__).parent / "voices"

KEPT_RECEIPTS: Final = 50
_AT_ARMS_LENGTH: Final = 0.8  # of the picture's height: a head about 1 m away, level with the camera

Scenes = Mapping[str, Path]


class StageError(ValueError):
    """A stage direction that can't be followed; the text says why."""


@dataclass(frozen=True)
class Sentence:
    """A recorded sentence that can be said."""

    id: str
    text: str
    path: Path


@dataclass(frozen=True)
class WalletCard:
    """A card in the customer's wallet. A declined one is known to the sandbox's bank, not to the kiosk."""

    id: str
    title: str
    card: SimulatedCard


def wallet() -> tuple[WalletCard, ...]:
    """The cards that can be tapped. NXP's 7-byte UIDs begin with 04 (ISO/IEC 14443-3)."""
    return (
        WalletCard("good", "Payment card", SimulatedCard(bytes.fromhex("04A1B2C3D4E580"))),
        WalletCard("declined", "Declined card", SimulatedCard(bytes.fromhex("04DEC11ED0BA11"))),
        WalletCard("loyalty", "Loyalty card", SimulatedCard(bytes.fromhex("0410CA17ACE123"), "LOYALTY123")),
    )


def recorded_sentences() -> tuple[Sentence, ...]:
    """The sentences that ship with the virtual kiosk: a WAV each, its text in its name."""
    return tuple(
        Sentence(path.stem, path.stem.replace("_", " ").capitalize(), path) for path in sorted(VOICES.glob("*.wav"))
    )


@dataclass
class Receipt:
    """A receipt that came out of the printer."""

    number: int
    at: datetime
    printed: PrintedReceipt


@dataclass
class Stage:
    """The virtual kiosk's peripherals, and what can be done to them.

    `scenes` are the pictures that can be put before the camera, by id; "empty" is the lobby without anyone.
    """

    scenes: Scenes
    camera: SimulatedCamera = field(default_factory=SimulatedCamera)
    microphone: SimulatedMicrophone = field(default_factory=SimulatedMicrophone)
    reader: SimulatedReader = field(default_factory=SimulatedReader)
    leds: SimulatedLeds = field(default_factory=SimulatedLeds)
    printer: SimulatedPrinter = field(default_factory=SimulatedPrinter)
    cards: tuple[WalletCard, ...] = field(default_factory=wallet)
    sentences: tuple[Sentence, ...] = field(default_factory=recorded_sentences)
    scene: str = "empty"
    receipts: list[Receipt] = field(default_factory=list)
    on_change: Callable[[], None] = lambda: None

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` on this event loop whenever the printer changed or a receipt came out."""
        self.on_change = on_change
        self.printer.on_receipt(self._keep_receipt)
        self.printer.on_change(lambda _: self.on_change())

    def _keep_receipt(self, printed: PrintedReceipt) -> None:
        number = self.receipts[-1].number + 1 if self.receipts else 1
        self.receipts.append(Receipt(number, datetime.now(UTC), printed))
        del self.receipts[:-KEPT_RECEIPTS]
        self.on_change()

    # -- before the camera ----------------------------------------------------------------------------------

    async def show(self, scene: str) -> None:
        """Put a scene before the camera.

        Raises:
            StageError: there is no such scene.
        """
        if scene == "empty":
            self.camera.show(None)
        elif scene in self.scenes:
            await asyncio.to_thread(self.camera.show, self.scenes[scene], size=_AT_ARMS_LENGTH)
        else:
            raise StageError(f"there is no scene {scene!r}; there are: empty, {', '.join(self.scenes)}")
        self.scene = scene
        self.on_change()

    async def show_picture(self, data: bytes) -> None:
        """Put a picture of the user's own (PNG, JPEG, ...) before the camera.

        Raises:
            StageError: it is not a picture.
        """
        picture = await asyncio.to_thread(_decode, data)
        await asyncio.to_thread(self.camera.show, picture, size=_AT_ARMS_LENGTH)
        self.scene = "upload"
        self.on_change()

    def thumbnail(self, scene: str, width_px: int = 240) -> bytes:
        """A scene as a small JPEG.

        Raises:
            StageError: there is no such scene.
        """
        if scene == "empty":
            picture = Image.new("RGB", (width_px, width_px * 3 // 4), "#c9ccd1")
        elif scene in self.scenes:
            picture = Image.open(self.scenes[scene]).convert("RGB")
            picture.thumbnail((width_px, width_px))
        else:
            raise StageError(f"there is no scene {scene!r}")
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=85)
        return out.getvalue()

    # -- into the microphone --------------------------------------------------------------------------------

    async def say(self, sentence: str) -> None:
        """Say a recorded sentence; returns when it was said.

        Raises:
            StageError: there is no such sentence.
        """
        for each in self.sentences:
            if each.id == sentence:
                await self.microphone.say(each.path)
                return
        raise StageError(f"there is no sentence {sentence!r}")

    async def say_recording(self, data: bytes) -> None:
        """Say a WAV of the user's own.

        Raises:
            StageError: it is not a WAV file.
        """
        with tempfile.TemporaryDirectory() as folder:
            recording = Path(folder) / "the recording"
            await asyncio.to_thread(recording.write_bytes, data)
            try:
                await self.microphone.say(recording)
            except ValueError as error:
                raise StageError(str(error).removeprefix(f"{folder}/")) from error

    # -- at the reader and the printer ----------------------------------------------------------------------

    async def tap(self, card: str, hold_s: float = 1.0) -> bool:
        """Tap a card of the wallet; tells whether the reader read it.

        Raises:
            StageError: the wallet has no such card.
        """
        for each in self.cards:
            if each.id == card:
                return await self.reader.tap(each.card, hold_s) is not None
        raise StageError(f"there is no card {card!r} in the wallet")

    def handle_printer(self, action: str) -> None:
        """Do something to the printer: empty_roll, load_roll, open_cover, close_cover.

        Raises:
            StageError: that can't be done to a printer.
        """
        match action:
            case "empty_roll":
                self.printer.empty_roll()
            case "load_roll":
                self.printer.load_roll()
            case "open_cover":
                self.printer.open_cover()
            case "close_cover":
                self.printer.close_cover()
            case _:
                raise StageError(f"a printer can't {action!r}")
        self.on_change()

    @property
    def paper(self) -> Literal["ok", "low", "out"]:
        """How the roll looks from outside."""
        if self.printer.paper_out:
            return "out"
        return "low" if self.printer.paper_left_mm < NEAR_END_MM else "ok"

    async def close(self) -> None:
        """Put everything away."""
        await self.camera.close()
        await self.microphone.close()
        await self.reader.close()
        await self.leds.close()


def _decode(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise StageError("that is not a picture (PNG or JPEG)")
    return np.asarray(picture, np.uint8)
