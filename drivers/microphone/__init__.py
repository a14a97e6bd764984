"""The microphone. Sound stays in the process that opened it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from drivers.states import DeviceState

RATE_HZ = 16_000
CHUNK_SAMPLES = 512  # 32 ms: what Silero's voice activity model takes at 16 kHz


@dataclass(frozen=True)
class Chunk:
    """512 samples of 16 kHz mono sound, int16; the last was heard at `captured_at_s` by time.monotonic."""

    samples: NDArray[np.int16]
    captured_at_s: float


class Microphone(Protocol):
    """A microphone that is always listening."""

    def chunks(self) -> AsyncIterator[Chunk]:
        """Sound as it comes, gapless, for ever.

        Raises:
            DeviceAbsent, DeviceLost: nothing is to be heard any more.
        """

    async def state(self) -> DeviceState:
        """How the microphone is now: degraded when muted, losing sound, or running at a wrong pace.

        Never raises; within 2 s.
        """

    async def close(self) -> None:
        """Release the microphone; running `chunks()` end."""


def open_microphone(url: str) -> Microphone:
    """Open the microphone at `url`.

    ``simulated:``, ``portaudio:`` (the default input), ``portaudio:?device=USB``.

    Raises:
        DeviceSetup: the address or its library can't be used.
        DeviceAbsent: nothing is there.
    """
    address = DeviceAddress.parse(url)
    match address.scheme:
        case "simulated":
            from drivers.microphone.simulated import open_simulated

            return open_simulated(address)
        case "portaudio":
            from drivers.microphone.portaudio import open_portaudio

            return open_portaudio(address)
    raise DeviceSetup(f"no microphone backend for {url!r}; known: simulated:, portaudio:")
