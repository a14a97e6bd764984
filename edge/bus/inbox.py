"""Where answers come back to: one subscription, a token an answer."""

from __future__ import annotations

import asyncio
import os

from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.errors import NoRespondersError


class Expected:
    """One answer to come: `subject` is where to send it. Used as a context manager around the wait."""

    __slots__ = ("_inbox", "_timer", "_token", "future", "subject")

    def __init__(self, inbox: Inbox, token: str, subject: str, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.subject = subject
        self._inbox = inbox
        self._token = token
        self.future: asyncio.Future[Msg] = loop.create_future()
        self._timer = loop.call_later(timeout_s, _give_up, self.future)

    def __enter__(self) -> Expected:
        self._inbox.waiting[self._token] = self.future
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self.future.cancel()
        del self._inbox.waiting[self._token]
        self._inbox.acknowledgements.discard(self.future)

    async def answer(self) -> Msg:
        """The answer.

        Raises:
            TimeoutError: none came in time.
            NoRespondersError: the server knows that nobody listens.
        """
        return await self.future

    async def came_within(self, timeout_s: float) -> bool:
        """Whether the answer, or why there is none, comes within `timeout_s`."""
        await asyncio.wait([self.future], timeout=timeout_s)
        return self.future.done()


class Inbox:
    """Answers to one client, by the token at their subject's end."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[Msg]] = {}
        self.acknowledgements: set[asyncio.Future[Msg]] = set()
        self._subject = ""

    async def open(self, nc: NatsClient) -> None:
        """Listen on a subject that is nobody else's."""
        self._subject = nc.new_inbox()
        await nc.subscribe(f"{self._subject}.*", cb=self._on_answer)

    def give_up_on_acknowledgements(self) -> None:
        """The connection was lost and is back: what the server had not acknowledged by then it never will."""
        for answer in self.acknowledgements:
            _give_up(answer)

    def expect(self, timeout_s: float, *, acknowledgement: bool = False) -> Expected:
        """Make ready for one answer, which comes within `timeout_s` or not at all.

        An `acknowledgement` is the server's own answer: a lost connection takes it along.
        """
        token = os.urandom(12).hex()  # nobody can guess where another's answer goes
        expected = Expected(self, token, f"{self._subject}.{token}", timeout_s)
        if acknowledgement:
            self.acknowledgements.add(expected.future)
        return expected

    async def _on_answer(self, msg: Msg) -> None:
        waiting = self.waiting.get(msg.subject.rpartition(".")[2])
        if waiting is None or waiting.done():
            return  # an answer after its deadline, or a second one
        if msg.headers and msg.headers.get("Status") == "503":
            waiting.set_exception(NoRespondersError())
        else:
            waiting.set_result(msg)


def _give_up(answer: asyncio.Future[Msg]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
