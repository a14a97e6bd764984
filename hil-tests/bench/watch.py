"""An ear on the kiosk's bus that remembers what it heard."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edge.bus import Client
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError, InvalidMessage
from edge.contract.subjects import ALL, UI_UPDATE, Event
from edge.contract.ui import UiUpdate
from edge.contract.wire import Payload, from_fields

P = TypeVar("P", bound=Payload)

_SHOWN = 400  # characters of a payload, for people


@dataclass(frozen=True)
class Heard:
    """One message, `at_s` by time.monotonic."""

    at_s: float
    subject: str
    message: NATSMessage

    @property
    def about(self) -> str:
        """The payload for people."""
        text = json.dumps(self.message.payload, ensure_ascii=False)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Watch:
    """Everything on the bus from `open` on. `malformed` is what broke the contract."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: list[Heard] = []
        self.malformed: list[str] = []
        self.on_heard: Callable[[Heard], None] = lambda _: None
        self._news = asyncio.Condition()
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen from now on."""
        messages = self.client.watch(ALL)
        first = asyncio.ensure_future(anext(messages))
        await asyncio.wait([first], timeout=0.0)
        await self.client.settle()

        async def listen() -> None:
            await self._take(*await first)
            async for subject, message in messages:
                await self._take(subject, message)

        self._listening = asyncio.create_task(listen(), name="the bench's ear")

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    async def _take(self, subject: str, message: NATSMessage | InvalidMessage | ContractError) -> None:
        async with self._news:
            if isinstance(message, NATSMessage):
                heard = Heard(time.monotonic(), subject, message)
                self.heard.append(heard)
                self.on_heard(heard)
            else:
                self.malformed.append(f"{subject}: {message}")
            self._news.notify_all()

    def forget(self) -> None:
        """Forget what was heard, but for the last screen: numbers given out before mean nothing any more."""
        screens = [each for each in self.heard if each.subject == UI_UPDATE.subject]
        self.heard[:] = screens[-1:]

    def all_since(self, mark: int, event: Event[P]) -> list[P]:
        """Each such event from number `mark` on."""
        return [
            from_fields(each.message.payload, event.payload)
            for each in self.heard[mark:]
            if each.subject == event.subject
        ]

    async def until(
        self, event: Event[P], good: Callable[[P], bool], *, since: int, timeout_s: float
    ) -> tuple[P, Heard]:
        """The first such event from number `since` on that is `good`.

        Raises:
            AssertionError: none in time; the text says what was heard instead.
        """
        looked_at = since
        try:
            async with asyncio.timeout(timeout_s), self._news:
                while True:
                    for each in self.heard[looked_at:]:
                        looked_at += 1
                        if each.subject == event.subject:
                            payload = from_fields(each.message.payload, event.payload)
                            if good(payload):
                                return payload, each
                    await self._news.wait()
        except TimeoutError:
            others = ", ".join(dict.fromkeys(each.subject for each in self.heard[since:])) or "nothing"
            raise AssertionError(f"no {event.subject} as expected within {timeout_s:g} s; heard: {others}") from None

    def screen(self) -> UiUpdate | None:
        """What the page shows now, as far as it was heard."""
        for each in reversed(self.heard):
            if each.subject == UI_UPDATE.subject:
                return from_fields(each.message.payload, UiUpdate)
        return None
