"""The data line: what we send is within the data sheets, and the strip understands it."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.leds.simulated import SimulatedStrip
from drivers.leds.ws2812 import SPI_RATE_HZ, encode, encoded_size

# Worldsemi's data sheets, in ns: (shortest, longest) of a 0's high, a 1's high, a 0's low, a 1's low; reset.
SHEETS = {
    "WS2812B": ((250, 550), (650, 950), (700, 1000), (300, 600), 50_000),
    "WS2812B-V5": ((220, 380), (580, 1000), (580, 1000), (220, 420), 280_000),
}
# What even dividers make of 3.2 MHz from the clock of a Pi 4 (500 MHz), a Pi 3 (250 MHz), a Pi 5 (200 MHz).
REAL_RATES_HZ = (SPI_RATE_HZ, 500e6 / 156, 250e6 / 78, 200e6 / 62)

pixels = st.integers(1, 40).flatmap(lambda count: st.binary(min_size=3 * count, max_size=3 * count))


def levels(line: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in line)


@pytest.mark.parametrize("rate_hz", REAL_RATES_HZ)
@pytest.mark.parametrize("sheet", SHEETS)
def test_every_pulse_is_as_wide_as_the_data_sheet_wants(sheet: str, rate_hz: float) -> None:
    zero_high, one_high, zero_low, one_low, reset = SHEETS[sheet]
    line = levels(encode(bytes(range(256)) * 3))
    pulses = re.findall("(1+)(0+)", line)
    assert len(pulses) == 8 * 256 * 3
    for high, low in pulses[:-1]:
        high_ns, low_ns = (1e9 * len(part) / rate_hz for part in (high, low))
        wanted_high, wanted_low = (zero_high, zero_low) if high_ns < 515 else (one_high, one_low)
        assert wanted_high[0] <= high_ns <= wanted_high[1]
        assert wanted_low[0] <= low_ns <= wanted_low[1]
    assert 1e9 * len(pulses[-1][1]) / rate_hz >= reset


def test_green_goes_first_and_the_highest_bit_of_it() -> None:
    line = levels(encode(bytes([0x01, 0x80, 0xFF])))
    symbols = re.findall("1000|1110", line.lstrip("0"))[:24]
    bits = "".join("1" if symbol == "1110" else "0" for symbol in symbols)
    assert bits == "10000000" + "00000001" + "11111111"


def test_no_high_crosses_a_byte_where_a_port_may_pause() -> None:
    assert all(byte & 1 == 0 for byte in encode(bytes(range(255))))


@given(pixels)
def test_the_strip_shows_what_was_encoded(frame: bytes) -> None:
    strip = SimulatedStrip(len(frame) // 3)
    line = encode(frame)
    assert len(line) == encoded_size(strip.count)
    strip.receive(line, SPI_RATE_HZ)
    assert strip.frame.pixels == frame
    assert strip.bad_pulses == 0


@given(pixels, st.lists(st.integers(0, 10_000), max_size=5))
def test_the_strip_does_not_mind_how_the_line_is_cut_between_bits(frame: bytes, cuts: list[int]) -> None:
    strip = SimulatedStrip(len(frame) // 3)
    line = encode(frame)
    places = sorted({cut % len(line) for cut in cuts} | {0, len(line)})
    data_end = len(line.rstrip(b"\0"))
    places = [place for place in places if place <= data_end] + [len(line)]
    for start, end in pairwise(places):
        strip.receive(line[start:end], SPI_RATE_HZ)
    assert strip.frame.pixels == frame


def test_a_short_frame_leaves_the_leds_behind_it_as_they_were() -> None:
    strip = SimulatedStrip(3)
    strip.receive(encode(b"\1\2\3\4\5\6\7\x08\x09"), SPI_RATE_HZ)
    strip.receive(encode(b"\xff\xfe\xfd"), SPI_RATE_HZ)
    assert strip.frame.pixels == b"\xff\xfe\xfd\4\5\6\7\x08\x09"


def test_a_long_frame_falls_off_the_end() -> None:
    strip = SimulatedStrip(1)
    strip.receive(encode(b"\1\2\3\4\5\6"), SPI_RATE_HZ)
    assert strip.frame.pixels == b"\1\2\3"


def test_nothing_shows_before_the_reset() -> None:
    strip = SimulatedStrip(1)
    line = encode(b"\xff\xff\xff")
    data, reset = line[:16], line[16:]
    strip.receive(data, SPI_RATE_HZ)
    assert not strip.frame.lit
    strip.receive(reset, SPI_RATE_HZ)
    assert strip.frame.pixels == b"\xff\xff\xff"


def test_a_clock_at_the_wrong_speed_is_noticed() -> None:
    strip = SimulatedStrip(1)
    strip.receive(encode(b"\x55\x55\x55"), SPI_RATE_HZ // 2)
    assert strip.bad_pulses == 24


@given(st.binary(max_size=2000))
def test_noise_on_the_line_is_survived(noise: bytes) -> None:
    strip = SimulatedStrip(4)
    strip.receive(noise, SPI_RATE_HZ)
    assert len(strip.frame.pixels) == 12
