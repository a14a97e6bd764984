"""The wait for a customer's card: a tap, a cancel, the time or the agent's end, whichever comes first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True)
class Card:
    """The card that was tapped, as its token."""

    token: str


class NoCard(Enum):
    """Why there was none."""

    CANCELLED = auto()
    TIMED_OUT = auto()
    STOPPED = auto()
    LEFT = auto()


class CardWait:
    """Ends once, by whatever comes first; what comes later is told that it lost."""

    def __init__(self) -> None:
        self._end: asyncio.Future[Card | NoCard] = asyncio.get_running_loop().create_future()

    def tap(self, token: str) -> bool:
        """A card was tapped; whether it is the one that will be charged."""
        return self._finish(Card(token))

    def decide(self) -> None:
        """The terminal has decided: what comes now comes too late."""
        self._finish(Card(""))

    def cancel(self) -> bool:
        """The customer changed their mind; whether a cancel, this or an earlier one, came before a card."""
        return self._finish(NoCard.CANCELLED) or self._end.result() is NoCard.CANCELLED

    def leave(self) -> None:
        """The customer has left."""
        self._finish(NoCard.LEFT)

    def stop(self) -> None:
        """The agent is about to leave."""
        self._finish(NoCard.STOPPED)

    async def end(self, timeout_s: float) -> Card | NoCard:
        """How the wait ended, after `timeout_s` at most."""
        await asyncio.wait([self._end], timeout=timeout_s)
        self._finish(NoCard.TIMED_OUT)
        return self._end.result()

    def _finish(self, how: Card | NoCard) -> bool:
        if self._end.done():
            return False
        self._end.set_result(how)
        return True
