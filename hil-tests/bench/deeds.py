"""What a person, or an actuator in their place, can do to a kiosk, and what can be seen of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Deed(StrEnum):
    """Something that can be done to the kiosk's surroundings."""

    TAP = "tap"
    TEAR = "tear"
    LAY_CARD = "lay_card"
    TAKE_CARD = "take_card"
    UNPLUG_READER = "unplug_reader"
    PLUG_READER = "plug_reader"
    KILL_READER_SERVICE = "kill_reader_service"
    START_READER_SERVICE = "start_reader_service"
    EMPTY_ROLL = "empty_roll"
    LOAD_ROLL = "load_roll"
    OPEN_COVER = "open_cover"
    CLOSE_COVER = "close_cover"
    UNPLUG_PRINTER = "unplug_printer"
    PLUG_PRINTER = "plug_printer"
    SHOW = "show"
    UNPLUG_CAMERA = "unplug_camera"
    PLUG_CAMERA = "plug_camera"
    SAY = "say"
    UNPLUG_MICROPHONE = "unplug_microphone"
    PLUG_MICROPHONE = "plug_microphone"
    UNPLUG_LEDS = "unplug_leds"
    PLUG_LEDS = "plug_leds"
    PRESS_BUTTON = "press_button"
    KILL_SERVER = "kill_server"
    START_SERVER = "start_server"
    CUT_POWER = "cut_power"
    RESTORE_POWER = "restore_power"


class Sight(StrEnum):
    """Something that can be seen, besides the bus."""

    RECEIPTS = "receipts"
    LIGHTS = "lights"
    BUTTON = "button"


# For the person at the bench; {what} is the card, scene or sentence, and {words} what it is in words.
WORDS: Final[dict[Deed, str]] = {
    Deed.TAP: "Hold the {words} to the reader for a second, then take it away",
    Deed.TEAR: "Touch the reader with the {words} and pull it away at once, before it can be read",
    Deed.LAY_CARD: "Lay the {words} on the reader and leave it there",
    Deed.TAKE_CARD: "Take the card away from the reader",
    Deed.UNPLUG_READER: "Pull the card reader's cable",
    Deed.PLUG_READER: "Put the card reader's cable back",
    Deed.KILL_READER_SERVICE: "Kill the card reader's service (systemctl kill -s KILL pcscd)",
    Deed.START_READER_SERVICE: "Start the card reader's service again (systemctl start pcscd.socket)",
    Deed.EMPTY_ROLL: "Take the paper roll out of the printer and close the cover",
    Deed.LOAD_ROLL: "Put the paper roll back into the printer and close the cover",
    Deed.OPEN_COVER: "Open the printer's cover and leave it open",
    Deed.CLOSE_COVER: "Close the printer's cover",
    Deed.UNPLUG_PRINTER: "Pull the printer's cable",
    Deed.PLUG_PRINTER: "Put the printer's cable back and wait until it is ready",
    Deed.SHOW: "Before the camera: {words}",
    Deed.UNPLUG_CAMERA: "Pull the camera's cable",
    Deed.PLUG_CAMERA: "Put the camera's cable back",
    Deed.SAY: "Say aloud: {words}",
    Deed.UNPLUG_MICROPHONE: "Pull the microphone's cable",
    Deed.PLUG_MICROPHONE: "Put the microphone's cable back",
    Deed.UNPLUG_LEDS: "Pull the LED strip's data wire",
    Deed.PLUG_LEDS: "Put the LED strip's data wire back",
    Deed.PRESS_BUTTON: "Press the assistance button once, and let go",
    Deed.KILL_SERVER: "Kill nats-server (kill -9)",
    Deed.START_SERVER: "Start nats-server again",
    Deed.CUT_POWER: "Cut the kiosk's power",
    Deed.RESTORE_POWER: "Give the kiosk its power back",
}

THINGS: Final[dict[str, str]] = {
    "good": "payment card",
    "declined": "card that the bank declines",
    "loyalty": "loyalty card",
    "customer": "one person stands an arm's length away and looks at the screen",
    "nobody": "nobody is in the picture",
}

# What brings back what a deed took, so that a test that fails in between doesn't spoil the next.
MENDS: Final[dict[Deed, Deed]] = {
    Deed.LAY_CARD: Deed.TAKE_CARD,
    Deed.UNPLUG_READER: Deed.PLUG_READER,
    Deed.KILL_READER_SERVICE: Deed.START_READER_SERVICE,
    Deed.EMPTY_ROLL: Deed.LOAD_ROLL,
    Deed.OPEN_COVER: Deed.CLOSE_COVER,
    Deed.UNPLUG_PRINTER: Deed.PLUG_PRINTER,
    Deed.UNPLUG_CAMERA: Deed.PLUG_CAMERA,
    Deed.UNPLUG_MICROPHONE: Deed.PLUG_MICROPHONE,
    Deed.UNPLUG_LEDS: Deed.PLUG_LEDS,
    Deed.KILL_SERVER: Deed.START_SERVER,
    Deed.CUT_POWER: Deed.RESTORE_POWER,
}


def in_words(deed: Deed, what: str = "") -> str:
    """What to do, as one tells a person."""
    words = THINGS.get(what, f"“{what.replace('_', ' ')}”")
    return WORDS[deed].format(what=what, words=words)
