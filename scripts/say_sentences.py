"""Makes the recorded sentences of the virtual kiosk with espeak-ng, and hears whether the recogniser gets them.

    apt install espeak-ng && .venv/bin/python scripts/say_sentences.py

Each becomes edge/virtual/voices/<sentence>.wav, 16 kHz mono. Voices and speeds are those that were recognised best.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np

from drivers.microphone.recording import as_heard, load_wav
from edge.agents.menu.catalogue import Menu
from edge.agents.voice.intent import meaning_of
from edge.agents.voice.recogniser import Recogniser
from edge.assembly import vocabulary

VOICES = Path(__file__).resolve().parent.parent / "edge" / "virtual" / "voices"
SENTENCES = (
    "I want a volcano burger with extra cheese",
    "Two iced colas please",
    "Show me something vegetarian",
    "What do you have",
    "Remove the iced cola",
    "I want to pay",
    "Yes",
    "Cancel the order",
)
_TRIES = tuple((voice, speed) for voice in ("en-us", "en-us+f3", "en-us+m3", "en-us+f2") for speed in (150, 140, 165))


def main() -> int:
    """Say each sentence in the voice that is understood best; 1 if one is understood in none."""
    menu = vocabulary(Menu.load())
    recogniser = Recogniser(menu)
    VOICES.mkdir(exist_ok=True)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for sentence in SENTENCES:
            best = (0.0, None)
            for number, (voice, speed) in enumerate(_TRIES):
                path = Path(folder) / f"{number}.wav"
                subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", path, sentence], check=True)
                samples = as_heard(*load_wav(path))
                quiet = np.zeros(4800, np.int16)
                recogniser.begin()
                recogniser.hear(np.concatenate((quiet, samples, quiet)))
                heard = recogniser.end()
                understood = heard is not None and meaning_of(heard.text, menu) == meaning_of(sentence, menu)
                if heard and understood and heard.confidence > best[0]:
                    best = (heard.confidence, samples)
            confidence, samples = best
            print(f"{confidence:.2f}  {sentence}")  # noqa: T201 - a script's result
            if samples is None:
                failures += 1
                continue
            name = sentence.lower().replace(" ", "_")
            _write(VOICES / f"{name}.wav", samples)
    return 1 if failures else 0


def _write(path: Path, samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())


if __name__ == "__main__":
    sys.exit(main())
