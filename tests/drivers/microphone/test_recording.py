from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.microphone.recording import as_heard, load_wav

EXPECTED = np.array([0.0, 0.5, -0.5, 0.25, -1.0, 127 / 128])


def wav(path: Path, content: bytes, *, width: int, channels: int = 1, rate_hz: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setsampwidth(width)
        file.setnchannels(channels)
        file.setframerate(rate_hz)
        file.writeframes(content)
    return path


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_of_pcm_is_read(tmp_path: Path, width: int) -> None:
    whole = np.round(EXPECTED * 2 ** (8 * width - 1)).astype(np.int64)
    if width == 1:
        whole += 128
    content = b"".join(int(one).to_bytes(width, "little", signed=width > 1) for one in whole)
    samples, rate_hz = load_wav(wav(tmp_path / "a.wav", content, width=width, rate_hz=22_050))
    assert rate_hz == 22_050
    np.testing.assert_allclose(samples[:, 0], EXPECTED, atol=1e-9)


def test_channels_are_mixed(tmp_path: Path) -> None:
    both = np.array([[1000, 3000], [-400, 200]], "<i2")
    samples, rate_hz = load_wav(wav(tmp_path / "a.wav", both.tobytes(), width=2, channels=2))
    assert samples.shape == (2, 2)
    np.testing.assert_array_equal(as_heard(samples, rate_hz), [2000, -100])


def test_int16_at_16_khz_is_kept_bit_for_bit() -> None:
    every = np.arange(-(2**15), 2**15).astype(np.int16)
    np.testing.assert_array_equal(as_heard(every, 16_000), every)


def test_floats_are_clipped_at_full_scale() -> None:
    np.testing.assert_array_equal(as_heard(np.array([2.0, -2.0, 1.0]), 16_000), [32767, -32768, 32767])


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", b"hello, world"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a WAV file"):
        load_wav(path)


def test_a_recording_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.arange(100, dtype="<i2").tobytes(), width=2)
    path.write_bytes(path.read_bytes()[:-101])  # half of the last sample is gone, too
    samples, _rate_hz = load_wav(path)
    assert samples.shape == (49, 1)


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="int16 or floating point"):
        as_heard(np.zeros(10, np.int32), 16_000)
    with pytest.raises(ValueError, match="samples x channels"):
        as_heard(np.zeros((2, 2, 2)), 16_000)
    with pytest.raises(ValueError, match="above 0 Hz"):
        as_heard(np.zeros(10), 0)


def test_a_stereo_recording_at_44_1_khz_is_heard_at_its_own_pitch(tmp_path: Path) -> None:
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(44_100) / 44_100)).astype("<i2")
    path = wav(tmp_path / "a.wav", np.stack((tone, tone), axis=1).tobytes(), width=2, channels=2, rate_hz=44_100)
    heard = as_heard(*load_wav(path))
    assert heard.size == 16_000
    spectrum = np.abs(np.fft.rfft(heard.astype(np.float64)))
    assert np.argmax(spectrum) == 1000  # 1 s of sound: a bin a hertz
    assert abs(int(np.abs(heard[1000:-1000]).max()) - 8000) < 100


def encoded(whole: list[int], width: int) -> bytes:
    """`whole`, from -128 to 127, in the upper 8 bits of PCM `width` bytes wide."""
    if width == 1:
        return bytes(one + 128 for one in whole)
    return b"".join(bytes(width - 1) + one.to_bytes(1, "little", signed=True) for one in whole)


@settings(max_examples=100, deadline=None)
@given(
    whole=st.lists(st.integers(-128, 127), max_size=40),
    width=st.integers(1, 4),
    channels=st.integers(1, 3),
    cut=st.integers(0, 200),
)
def test_whatever_is_left_of_a_recording_is_what_was_recorded(
    tmp_path_factory: pytest.TempPathFactory, whole: list[int], width: int, channels: int, cut: int
) -> None:
    whole = whole[: len(whole) // channels * channels]
    path = wav(tmp_path_factory.mktemp("wav") / "a.wav", encoded(whole, width), width=width, channels=channels)
    content = path.read_bytes()[: max(path.stat().st_size - cut, 44)]  # 44 bytes: the header stays
    path.write_bytes(content)
    left = (len(content) - 44) // (width * channels)
    samples, rate_hz = load_wav(path)
    assert rate_hz == 16_000
    expected = np.array(whole, np.float64).reshape(-1, channels)[:left] / 128
    np.testing.assert_array_equal(samples, expected)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=80), begins=st.sampled_from([b"", b"RIFF\xff\x00\x00\x00WAVEfmt \x10\x00\x00\x00"]))
def test_no_bytes_are_worse_than_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, begins: bytes
) -> None:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    path.write_bytes(begins + content)
    try:
        samples, rate_hz = load_wav(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017  # most bytes are refused, and a few are a recording
        return
    assert samples.ndim == 2
    assert rate_hz > 0
