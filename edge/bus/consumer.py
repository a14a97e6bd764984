"""The durable side of an agent: commands from its work-queue consumer (decision 2)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError

from edge.bus.client import DEADLINE, REPLY_TO, deadline_s
from edge.bus.connection import BusError
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.bus.tasks import cancel_all
from edge.contract.streams import COMMANDS_STREAM

log = logging.getLogger(__name__)

_FETCH_S = 5.0  # how long one pull waits; an idle agent pulls this often
_RETRY_S = 0.5

Answer = Callable[[Msg], Awaitable[bytes]]


class WorkQueue:
    """Takes an agent's commands from KIOSK_COMMANDS, one pull each, several at work at once.

    Pull rather than push: a command's `ack_wait` runs only once an instance has room for it. One message a
    pull: nats-py's larger batches come late after an empty one (decision 3).
    """

    def __init__(self, nc: NatsClient, js: JetStreamContext, agent: str, answer: Answer, *, at_once: int = 16) -> None:
        self._nc = nc
        self._js = js
        self._agent = agent
        self._answer = answer
        self._room = asyncio.Semaphore(at_once)
        self._at_work: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; a consumer or stream that vanished is made again."""
        try:
            while True:
                try:
                    await ensure_streams(self._js)
                    config = await ensure_consumer(self._js, self._agent)
                    if config is None:
                        return
                    await self._pull(config)
                except (BusError, nats.errors.Error, APIError, OSError, TimeoutError) as error:
                    log.warning(
                        "%s: the command queue: %s; trying again",
                        self._agent,
                        str(error) or type(error).__name__,
                    )
                    await asyncio.sleep(_RETRY_S)
        finally:
            await cancel_all(self._at_work)

    async def _pull(self, config: ConsumerConfig) -> None:
        subscription = await self._js.pull_subscribe_bind(
            consumer=str(config.durable_name), stream=COMMANDS_STREAM["name"]
        )
        try:
            while True:
                await self._room.acquire()
                try:
                    (msg,) = await subscription.fetch(1, timeout=_FETCH_S)
                except BaseException as error:
                    self._room.release()
                    # nats-py raises its own and the bare TimeoutError alike; both mean an empty queue.
                    if isinstance(error, nats.errors.TimeoutError | TimeoutError) and self._nc.is_connected:
                        await self._js.consumer_info(COMMANDS_STREAM["name"], str(config.durable_name))
                        continue
                    raise
                task = asyncio.create_task(self._work(msg, config))
                self._at_work.add(task)
                task.add_done_callback(self._at_work.discard)
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    async def _work(self, msg: Msg, config: ConsumerConfig) -> None:
        try:
            headers = msg.headers or {}
            reply_to = headers.get(REPLY_TO)
            if not reply_to:
                await msg.ack()  # asked live: its answer came from the core subscription
            elif _is_late(headers.get(DEADLINE)):
                log.warning("%s: a command on %s came after its deadline; not done", self._agent, msg.subject)
                await msg.term()
            else:
                deadline_s.set(_unix_s(headers.get(DEADLINE)))  # of this task, and so of its handler
                keeping = asyncio.create_task(self._keep(msg, (config.ack_wait or 5.0) / 2))
                try:
                    await self._nc.publish(reply_to, await self._answer(msg))
                finally:
                    keeping.cancel()
                await msg.ack()
        except (nats.errors.Error, OSError) as error:
            log.warning("%s: could not answer a command on %s: %s", self._agent, msg.subject, error)
        finally:
            self._room.release()

    async def _keep(self, msg: Msg, every_s: float) -> None:
        """Tell the server that the command is being worked on, so that it isn't delivered again."""
        while True:
            await asyncio.sleep(every_s)
            await msg.in_progress()


def _is_late(deadline: str | None) -> bool:
    """Whether a Kiosk-Deadline has passed; one that can't be read has."""
    if deadline is None:
        return False
    moment_s = _unix_s(deadline)
    return moment_s is None or time.time() > moment_s


def _unix_s(deadline: str | None) -> float | None:
    try:
        return None if deadline is None else int(deadline) / 1000
    except ValueError:
        return None
