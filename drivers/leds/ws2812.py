"""What a WS2812 strip hears: its bits as SPI bytes.

A WS2812 reads a bit from how long its data line is high. An SPI port that sends 4 of its own bits for one of
the strip's draws such pulses: ``1000`` for a 0, ``1110`` for a 1. At 3.2 MHz a SPI bit is 312.5 ns, which
keeps every width within both data sheets of Worldsemi:

=============  ===================  ================  =========
               WS2812B (2013)       WS2812B-V5        ours
=============  ===================  ================  =========
0, high        400 ns +- 150        220 to 380 ns     312.5 ns
1, high        800 ns +- 150        580 to 1000 ns    937.5 ns
0, low         850 ns +- 150        580 to 1000 ns    937.5 ns
1, low         450 ns +- 150        220 to 420 ns     312.5 ns
reset          50 us and more       280 us and more   300 us
=============  ===================  ================  =========

(The often seen 3 bits at 2.4 MHz make a 0 of 417 ns: too long for a V5.) Each SPI byte also ends low, so the
gap that a port without DMA leaves between bytes lengthens a low, which a strip forgives, never a high.
"""

from __future__ import annotations

from typing import Final

SPI_RATE_HZ: Final = 3_200_000
SPI_BITS_PER_BIT: Final = 4
RESET_S: Final = 300e-6

_RESET_BYTES: Final = round(SPI_RATE_HZ * RESET_S / 8)
# The line of an idle port may be high; this many zero bytes give the first LED a clean first bit.
_LEAD_BYTES: Final = 4


def _symbol(value: int) -> bytes:
    """The 4 SPI bytes that say one byte, most significant bit first."""
    bits = 0
    for place in range(7, -1, -1):
        bits = bits << SPI_BITS_PER_BIT | (0b1110 if value >> place & 1 else 0b1000)
    return bits.to_bytes(SPI_BITS_PER_BIT)


_SYMBOLS: Final = tuple(_symbol(value) for value in range(256))


def encoded_size(count: int) -> int:
    """How many bytes `encode` makes of `count` LEDs."""
    return _LEAD_BYTES + count * 3 * SPI_BITS_PER_BIT + _RESET_BYTES


def encode(pixels: bytes) -> bytes:
    """What to send at `SPI_RATE_HZ`, in one piece, to show `pixels` (N x 3 bytes of red, green, blue).

    The strip wants green first. The reset at the end makes it show what it heard.
    """
    line = [bytes(_LEAD_BYTES)]
    for start in range(0, len(pixels), 3):
        red, green, blue = pixels[start : start + 3]
        line += (_SYMBOLS[green], _SYMBOLS[red], _SYMBOLS[blue])
    line.append(bytes(_RESET_BYTES))
    return b"".join(line)
