"""Whether the customer speaks with the kiosk: they are there and, where gaze is known, they attend to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Attention:
    """What was seen of the customer's gaze. Times are of the event loop's clock.

    `looks` is None until something is known: a camera that can't tell keeps nobody from speaking.
    """

    looks: bool | None = None
    since_s: float = 0.0
    _meant: bool = True  # what is being said began while they attended

    def see(self, looks: bool, now_s: float) -> None:
        """They look at the screen, or away."""
        if looks is not self.looks:
            self.looks, self.since_s = looks, now_s

    def forget(self) -> None:
        """Nothing is known any more: another customer, a camera that is gone, a hand the camera didn't see."""
        self.looks, self._meant = None, True

    def attends(self, now_s: float, lapse_s: float) -> bool:
        """Whether they attend, or did so until at most `lapse_s` ago: people look at their friends, too."""
        return self.looks is not False or now_s - self.since_s <= lapse_s

    def begin_speech(self, now_s: float, lapse_s: float) -> bool:
        """Someone began to speak; whether that counts, to its end."""
        self._meant = self.attends(now_s, lapse_s)
        return self._meant

    def means_us(self, now_s: float, lapse_s: float) -> bool:
        """Whether what was said is meant for the kiosk."""
        return self.attends(now_s, lapse_s) or (self.looks is not None and self._meant)
