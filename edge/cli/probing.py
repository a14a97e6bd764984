"""Opening each configured device to see how it is, where no running kiosk can say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from drivers.errors import DriverError
from drivers.isolated import open_camera, open_leds, open_microphone, open_nfc_reader, open_pins, open_printer
from drivers.states import Condition, DeviceState
from edge.config import Devices

_LOOK_S: Final = 2.5
# A reader's service and a camera's first picture take a moment after opening.
_SETTLE_S: Final = 2.0
_AGAIN_S: Final = 0.25


class _Device(Protocol):
    async def state(self) -> DeviceState: ...

    async def close(self) -> None: ...


async def probe(devices: Devices) -> list[tuple[str, str, DeviceState]]:
    """Name, URL and state of each configured device. A device that may hang is opened in a process of its own."""
    openers: dict[str, tuple[Callable[[str], _Device], str | None]] = {
        "leds": (open_leds, devices.leds),
        "reader": (open_nfc_reader, devices.nfc),
        "printer": (open_printer, devices.printer),
        "camera": (open_camera, devices.camera),
        "microphone": (open_microphone, devices.microphone),
        "pins": (open_pins, devices.gpio),
    }
    named = [(name, opener, url) for name, (opener, url) in openers.items() if url is not None]
    states = await asyncio.gather(*(_state(opener, url) for _, opener, url in named))
    return [(name, url, state) for (name, _, url), state in zip(named, states, strict=True)]


async def _state(opener: Callable[[str], _Device], url: str) -> DeviceState:
    try:
        device = await asyncio.to_thread(opener, url)
    except DriverError as error:
        return DeviceState.of(error)
    except ModuleNotFoundError as error:
        return DeviceState(Condition.ABSENT, f"the Python package {error.name} is missing", "setup")
    try:
        return await _settled(device)
    finally:
        await device.close()


async def _settled(device: _Device) -> DeviceState:
    clock = asyncio.get_running_loop().time
    until_s = clock() + _SETTLE_S
    while True:
        state = await _within(device.state())
        if state.condition is Condition.READY or clock() >= until_s:
            return state
        await asyncio.sleep(_AGAIN_S)


async def _within(asking: Awaitable[Any]) -> DeviceState:
    try:
        state: DeviceState = await asyncio.wait_for(asking, _LOOK_S)
    except TimeoutError:
        return DeviceState(Condition.DEGRADED, "does not answer", "timeout")
    return state
