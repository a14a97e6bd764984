"""What QEMU has no device for, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bench import Frame
from bench.deeds import Deed, Sight

LACKS: Final[Mapping[Deed | Sight, str]] = {
    Deed.SHOW: "QEMU has no camera, and the guest's vivid shows test pictures only",
    Deed.UNPLUG_CAMERA: "QEMU has no camera",
    Deed.PLUG_CAMERA: "QEMU has no camera",
    Deed.SAY: "QEMU has no microphone, and no speech model ships in the image",
    Deed.UNPLUG_MICROPHONE: "QEMU has no microphone",
    Deed.PLUG_MICROPHONE: "QEMU has no microphone",
    Deed.UNPLUG_LEDS: "QEMU has no SPI: the strip is simulated in the guest, where nobody pulls its wire",
    Deed.PLUG_LEDS: "QEMU has no SPI",
    Deed.PRESS_BUTTON: "QEMU has no GPIO",
    Sight.LIGHTS: "QEMU has no SPI: the strip is simulated in the guest, where nobody sees it",
    Sight.BUTTON: "QEMU has no GPIO",
}


class NoLights:
    """A strip that nobody sees."""

    def begin(self) -> None:
        """See `Lights`."""

    async def until(self, lit: bool, timeout_s: float) -> None:
        """See `Lights`."""
        raise AssertionError(LACKS[Sight.LIGHTS])

    def frames(self) -> Sequence[Frame]:
        """See `Lights`."""
        return ()
