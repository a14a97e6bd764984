"""The options that every camera's URL takes: ``?width=640&height=480&fps=5``."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup

WIDTH_PX = 640
HEIGHT_PX = 480
FPS = 5  # what the vision agent looks at


@dataclass(frozen=True)
class CameraSettings:
    """The picture asked for. `sized` tells whether the URL names a size or these are the defaults."""

    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX
    fps: float = FPS
    sized: bool = False

    @classmethod
    def of(cls, address: DeviceAddress, *others: str) -> CameraSettings:
        """The settings in a URL that may also have the options `others`.

        Raises:
            DeviceSetup: an option is unknown, not a whole number or out of range.
        """
        address.only("width", "height", "fps", *others)
        settings = cls(
            width_px=address.number("width", WIDTH_PX),
            height_px=address.number("height", HEIGHT_PX),
            fps=address.number("fps", FPS),
            sized="width" in address.options or "height" in address.options,
        )
        for name, value, highest in (
            ("width", settings.width_px, 8192),
            ("height", settings.height_px, 8192),
            ("fps", settings.fps, 120),
        ):
            if not 1 <= value <= highest:
                raise DeviceSetup(f"{address.scheme}: {name}={value:g} is not between 1 and {highest}")
        return settings
