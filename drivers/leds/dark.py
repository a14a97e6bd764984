"""Darken a strip that somebody left lit: ``python -m drivers.leds.dark spi:/dev/spidev0.0?count=24``."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from drivers.errors import DeviceTimeout, DriverError
from drivers.leds import open_leds

DARKEN_S: Final = 5.0


async def darken(url: str) -> None:
    """Make the strip at `url` dark and let go of it.

    Raises:
        DeviceAbsent: it isn't there, or another program drives it: that one sees to it.
        DriverError: it could not be told.
    """
    leds = open_leds(url, guarded=False)
    try:
        async with asyncio.timeout(DARKEN_S):
            await leds.off()
    except TimeoutError as error:
        raise DeviceTimeout(f"{url}: the LED strip took no frame within {DARKEN_S:g} s") from error
    finally:
        await leds.close()


def main(url: str) -> int:
    """The command; 1 when the strip could not be told, with the reason on standard error."""
    try:
        asyncio.run(darken(url))
    except DriverError as error:
        sys.stderr.write(f"the LED strip may still be lit: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
