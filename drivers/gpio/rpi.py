"""The pins of a Raspberry Pi, by RPi.GPIO: the library itself on a Pi 4 or older, rpi-lgpio's on a Pi 5.

Wiring: the lamp's driver on its pin, high is lit; door contact and button from their pin to ground, with the Pi's own
pull-up. The door's contact is closed while the door is: a cut wire is an open door. The button's closes when pressed.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.gpio import Switch
from drivers.gpio.watched import WatchedPins

DEFAULT_PINS: Final = {"lamp": 17, "door": 27, "button": 22}
# GPIOs of the 40-pin header; 0 and 1 belong to the identification of add-on boards.
_USABLE: Final = range(2, 28)
_ACTIVE_LEVEL: Final[dict[Switch, bool]] = {"door": True, "button": False}

_log = logging.getLogger(__name__)


class RpiPort:
    """Lamp, door and button on three GPIOs."""

    def __init__(self, lamp: int, door: int, button: int) -> None:
        self._lamp = lamp
        self._switches: dict[Switch, int] = {"door": door, "button": button}
        self._gpio = _library()
        self._set_up()

    def _set_up(self) -> None:
        try:
            self._gpio.setwarnings(False)
            self._gpio.setmode(self._gpio.BCM)
            self._gpio.setup(self._lamp, self._gpio.OUT, initial=self._gpio.LOW)
            for pin in self._switches.values():
                self._gpio.setup(pin, self._gpio.IN, pull_up_down=self._gpio.PUD_UP)
        except Exception as error:  # lgpio.error is no better
            raise DeviceAbsent(
                f"rpi: the GPIO pins can't be used: {error}; on a Pi 5 install rpi-lgpio in place of RPi.GPIO, "
                "and add this user to the group gpio"
            ) from error

    def light(self, on: bool) -> None:
        """Switch the lamp.

        Raises:
            DeviceLost: the library failed to.
        """
        try:
            self._gpio.output(self._lamp, self._gpio.HIGH if on else self._gpio.LOW)
        except Exception as error:  # lgpio.error is no better
            raise DeviceLost(f"rpi: the lamp on GPIO{self._lamp} can't be switched: {error}") from error

    def read(self, switch: Switch) -> bool:
        """Whether the door is open, the button pressed.

        Raises:
            DeviceLost: the library failed to tell.
        """
        try:
            high = bool(self._gpio.input(self._switches[switch]))
        except Exception as error:  # lgpio.error is no better
            raise DeviceLost(f"rpi: the {switch} can't be read: {error}") from error
        return high == _ACTIVE_LEVEL[switch]

    def listen(self, on_edge: Callable[[Switch], None]) -> None:
        """Tell of each edge, from the library's thread.

        Raises:
            DeviceLost: the library failed to listen.
        """
        try:
            for switch, pin in self._switches.items():
                # No bouncetime: that reports the first edge and drops the rest, a glitch as well as a change.
                self._gpio.add_event_detect(pin, self._gpio.BOTH, callback=_teller(on_edge, switch))
        except Exception as error:  # lgpio.error is no better
            raise DeviceLost(f"rpi: the switches can't be watched: {error}") from error

    def restore(self) -> None:
        """Set the pins up anew.

        Raises:
            DeviceAbsent: the library failed to.
        """
        self.close()
        self._set_up()

    def close(self) -> None:
        """Let go of the pins; they are inputs afterwards. All of this process's: only so the chip is closed too."""
        try:
            self._gpio.cleanup()
        except Exception as error:  # lgpio.error is no better
            _log.info("rpi: the GPIO pins could not be let go of: %s", error)
            self._forget()

    def _forget(self) -> None:
        """Make rpi-lgpio 0.6 give up a chip that is gone.

        It keeps one for good that it can't ask any more, and its thread spins on that one's pins. Closed, the pins are
        let go of; read anew, the module has no chip.
        """
        chip = getattr(self._gpio, "_chip", None)
        if chip is not None:
            with contextlib.suppress(Exception):  # the chip is gone: whatever is said of that
                self._gpio.lgpio.gpiochip_close(chip)
            importlib.reload(self._gpio)


def _teller(on_edge: Callable[[Switch], None], switch: Switch) -> Callable[[int], None]:
    def tell(_pin: int) -> None:
        on_edge(switch)

    return tell


def _library() -> Any:
    started_in = Path.cwd()
    if "LG_WD" not in os.environ and importlib.util.find_spec("lgpio") is not None:
        # lgpio makes its pipes there, by default where the program was started: a service can't write there.
        folder = tempfile.TemporaryDirectory(prefix="kiosk-gpio")
        atexit.register(folder.cleanup)
        os.environ["LG_WD"] = folder.name
    try:
        from RPi import GPIO  # noqa: PLC0415 - only a Raspberry Pi has it
    except ImportError as error:
        raise DeviceSetup(
            "rpi: RPi.GPIO is missing: pip install 'kiosk-edge[pi5]' on a Pi 5, 'kiosk-edge[pi4]' on an older one"
        ) from error
    except RuntimeError as error:
        raise DeviceAbsent(f"rpi: no Raspberry Pi here: {error}") from error
    finally:
        os.chdir(started_in)  # lgpio goes to its folder, and the paths in kiosk.toml mean ours
    return GPIO


def open_rpi(address: DeviceAddress) -> WatchedPins:
    """Open ``rpi:?lamp=17&door=27&button=22``.

    Raises:
        DeviceSetup: the address is wrong or RPi.GPIO is missing.
        DeviceAbsent: this machine has no such pins, or no permission for them; the text has the library's words.
    """
    address.only(*DEFAULT_PINS)
    pins = {name: address.number(name, default) for name, default in DEFAULT_PINS.items()}
    for name, pin in pins.items():
        if pin not in _USABLE:
            raise DeviceSetup(f"rpi: {name}={pin} is no GPIO of the header; those are 2 to 27")
    if len(set(pins.values())) < len(pins):
        raise DeviceSetup(f"rpi: lamp, door and button share a pin: {pins}")
    return WatchedPins(RpiPort(pins["lamp"], pins["door"], pins["button"]))
