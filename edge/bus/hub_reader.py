"""One who reads a stream of the hub to its end and on, and has done with each message once."""

from __future__ import annotations

import contextlib
import logging
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError

from edge.bus.connection import BusUnreachable
from edge.bus.hub import Hub, HubRefused, Stored

log = logging.getLogger(__name__)

_ANSWER_S: Final = 5.0


class Reader:
    """A durable reader of one stream, which goes on behind what was `done`: in the stream's order, none left out.

    What a reader was given and had not done with when it died would come to the next one only after JetStream's wait
    for an acknowledgement, behind newer messages. So each opening makes the consumer anew, at what was done; what was
    given since then is given again.
    """

    def __init__(self, hub: Hub, stream: str, name: str) -> None:
        self._hub = hub
        self._stream = stream
        self._name = name
        self._subscription: JetStreamContext.PullSubscription | None = None
        self._given = 0
        self._last: Msg | None = None

    async def open(self) -> None:
        """Make it, or go on where it was. Of events it reads the headers only.

        Raises:
            BusUnreachable, HubRefused: it can't be.
        """
        consumer = f"{self._stream}.{self._name}"
        done = 0
        try:
            done = int((await self._hub.api(f"CONSUMER.INFO.{consumer}"))["ack_floor"]["stream_seq"])
            await self._hub.api(f"CONSUMER.DELETE.{consumer}")
        except HubRefused as error:
            if not error.not_found:
                raise
        wanted = {
            "durable_name": self._name,
            "ack_policy": "all",
            "ack_wait": 60_000_000_000,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": done + 1,
            "headers_only": True,
            "max_ack_pending": 20_000,
        }
        await self._hub.api(f"CONSUMER.DURABLE.CREATE.{consumer}", {"stream_name": self._stream, "config": wanted})
        try:
            self._subscription = await self._hub.nc.jetstream(timeout=_ANSWER_S).pull_subscribe_bind(
                durable=self._name, stream=self._stream
            )
        except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
            raise BusUnreachable(f"{self._stream} can't be read: {str(error) or 'timeout'}") from error
        # An acknowledgement names the consumer's own count, which begins again.
        self._given, self._last = 0, None

    async def next(self, most: int, wait_s: float) -> list[Stored]:
        """The next messages, at most so many; none when none comes within `wait_s`.

        Raises:
            BusUnreachable: the hub is away.
        """
        if self._subscription is None:
            await self.open()
        assert self._subscription is not None  # noqa: S101 - open made it
        try:
            found = await self._subscription.fetch(most, timeout=wait_s)
        except (nats.errors.TimeoutError, TimeoutError):
            return []
        except (nats.errors.Error, APIError, OSError) as error:
            await self._drop()
            raise BusUnreachable(f"{self._stream} can't be read: {error}") from error
        if [msg.metadata.sequence.consumer for msg in found] != [self._given + 1 + each for each in range(len(found))]:
            log.info("messages of %s were lost on their way, and are read again", self._stream)
            await self._drop()
            return []
        if found:
            self._given, self._last = self._given + len(found), found[-1]
        return [Stored.of(msg) for msg in found]

    async def done(self) -> None:
        """Everything that `next` gave is dealt with: it isn't given again."""
        last, self._last = self._last, None
        if last is not None:
            try:
                await last.ack()
            except (nats.errors.Error, OSError) as error:
                raise BusUnreachable(f"the hub is away: {error}") from error

    async def _drop(self) -> None:
        subscription, self._subscription, self._last = self._subscription, None, None
        if subscription is not None:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()
