"""Recorded sound as a microphone would have heard it: 16 kHz, mono, int16."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.errors import DeviceSetup
from drivers.microphone import RATE_HZ

__all__ = ["as_heard", "load_wav", "soxr"]

try:
    import soxr  # type: ignore[import-untyped]  # it ships no types
except ImportError as error:
    raise DeviceSetup("microphones need soxr; run: pip install 'kiosk-edge[voice]'") from error


def load_wav(path: Path) -> tuple[NDArray[np.float64], int]:
    """A WAV file's samples, samples x channels from -1 to 1, and its rate in Hz.

    Raises:
        FileNotFoundError: it isn't there.
        ValueError: it is not a WAV file of 8, 16, 24 or 32-bit PCM.
    """
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate_hz = file.getsampwidth(), file.getnchannels(), file.getframerate()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is not a WAV file of PCM: {str(error) or 'it is cut off'}") from error
    whole = len(content) // (width * channels) * width * channels
    data = np.frombuffer(content[:whole], np.uint8).reshape(-1, width)
    if width == 1:  # the one width that WAV stores unsigned
        samples = (data[:, 0].astype(np.float64) - 128) / 128
    else:
        # Into the upper bytes of 32 bits, lowest first, whatever the width.
        padded = np.zeros((data.shape[0], 4), np.uint8)
        padded[:, 4 - width :] = data
        samples = padded.view("<i4")[:, 0] / 2.0**31
    return samples.reshape(-1, channels), rate_hz


def as_heard(samples: NDArray[np.generic], rate_hz: int) -> NDArray[np.int16]:
    """Samples (one axis, or samples x channels; int16, or floats from -1 to 1) as 16 kHz mono int16.

    Raises:
        ValueError: they have another shape or type, or the rate is none.
    """
    if rate_hz <= 0:
        raise ValueError(f"a rate is above 0 Hz, not {rate_hz}")
    if samples.ndim not in (1, 2):
        raise ValueError(f"sound is samples, or samples x channels, not {samples.shape}")
    if samples.dtype == np.int16:
        sound = samples.astype(np.float64) / 2**15
    elif np.issubdtype(samples.dtype, np.floating):
        sound = samples.astype(np.float64)
    else:
        raise ValueError(f"sound is int16 or floating point, not {samples.dtype}")
    if sound.ndim == 2:
        sound = sound.mean(axis=1)
    if rate_hz != RATE_HZ:
        sound = np.asarray(soxr.resample(sound, rate_hz, RATE_HZ), np.float64)
    return np.clip((sound * 2**15).round(), -(2**15), 2**15 - 1).astype(np.int16)
