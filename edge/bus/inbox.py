"""Where answers come back to: one subscription, a token an answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.nuid import NUID


class Inbox:
    """Answers to one client, by the token at their subject's end."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        self._nuid = NUID()
        self._subject = ""

    async def open(self, nc: NatsClient) -> None:
        """Listen on a subject that is nobody else's."""
        self._subject = nc.new_inbox()
        await nc.subscribe(f"{self._subject}.*", cb=self._on_answer)

    @contextlib.contextmanager
    def expect(self, timeout_s: float) -> Iterator[tuple[str, asyncio.Future[Msg]]]:
        """The subject for one answer, and the future that it comes in.

        The future raises TimeoutError after `timeout_s`, NoRespondersError when the server knows that nobody listens.
        """
        token = self._nuid.next().decode()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Msg] = loop.create_future()
        self._waiting[token] = answer
        timer = loop.call_later(timeout_s, _give_up, answer)
        try:
            yield f"{self._subject}.{token}", answer
        finally:
            timer.cancel()
            answer.cancel()
            del self._waiting[token]

    async def _on_answer(self, msg: Msg) -> None:
        waiting = self._waiting.get(msg.subject.rpartition(".")[2])
        if waiting is None or waiting.done():
            return  # an answer after its deadline, or a second one
        if msg.headers and msg.headers.get("Status") == "503":
            waiting.set_exception(NoRespondersError())
        else:
            waiting.set_result(msg)


def _give_up(answer: asyncio.Future[Msg]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
