"""Taps at the reader: each counts once, and one that comes a moment before its order waits for a card isn't lost."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

COUNTS_FOR_S: Final = 3.0  # of our choice: from the Pay button to the reader is one movement of a hand
_REMEMBERED: Final = 64  # messages: one that comes again does so within the bus's two minutes for duplicates


@dataclass(frozen=True)
class _Early:
    session_id: str
    token: str
    at_s: float


class Taps:
    """What was tapped last, and which messages told of it; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._early: _Early | None = None

    def is_new(self, msg_id: str) -> bool:
        """Whether this message wasn't heard before."""
        if msg_id in self._heard:
            return False
        self._heard[msg_id] = None
        if len(self._heard) > _REMEMBERED:
            self._heard.popitem(last=False)
        return True

    def keep(self, session_id: str, token: str) -> None:
        """No order waits for this card yet; the next one of its session may."""
        self._early = _Early(session_id, token, self._clock()) if session_id else None

    def take(self, session_id: str) -> str | None:
        """The card that the customer of that session tapped a moment ago; then it is used up. None: nobody did."""
        early, self._early = self._early, None
        if early is None or early.session_id != session_id or self._clock() - early.at_s > COUNTS_FOR_S:
            return None
        return early.token
