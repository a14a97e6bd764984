"""The durable side of an agent: commands from its work-queue consumer (decision 2)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import perf_counter

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import APIError

from edge.bus.client import Client
from edge.bus.connection import BusError
from edge.bus.dead import bury_late
from edge.bus.deadline import Deadline, current_deadline
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.bus.tasks import cancel_all, start
from edge.contract.envelope import REPLY_TO
from edge.contract.streams import CONSUMERS

log = logging.getLogger(__name__)

_CHECK_S = 5.0  # how often consumer and streams are looked at, beside each reconnect
_RETRY_S = 0.5
_REMEMBERED = 256  # answers kept for a command that comes again because its acknowledgement was lost
_DOUBTFUL_S = 0.25  # after a pause as long as ack_wait: what comes then may have been given to another instance
_PARTING_S = 1.0  # how long a closing agent lets its commands come to their end

_ACK = b"+ACK"
_NAK = b"-NAK"
_TERM = b"+TERM"
_IN_PROGRESS = b"+WPI"

Answer = Callable[[Msg, float], Awaitable[bytes]]


class WorkQueue:
    """Takes an agent's commands from KIOSK_COMMANDS, several at work at once.

    The consumer pushes to the agents' queue group: one hop, where pulling each command took a request of its own
    (ADR 0015). What waits here for room is kept alive like what is being done, so that `ack_wait` only runs out
    on an instance that is gone, or hangs.
    """

    def __init__(
        self,
        client: Client,
        agent: str,
        answer: Answer,
        *,
        at_once: asyncio.Semaphore,
        only_computes: Callable[[str], bool],
    ) -> None:
        self._client = client
        self._agent = agent
        self._answer = answer
        self._at_once = at_once
        self._only_computes = only_computes  # a command on this subject: it needs no task to wait in
        self._in_hand: dict[str, Msg] = {}  # by _ticket
        self._answered: OrderedDict[str, tuple[str, bytes]] = OrderedDict()  # by _ticket: reply subject and answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._work: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None
        self._ack_wait_s = CONSUMERS[agent]["ack_wait"] / 1_000_000_000
        self._comes_again = CONSUMERS[agent]["max_deliver"] > 1
        self._awake_s = perf_counter()
        self._doubtful_until_s = 0.0

    async def start(self) -> None:
        """Take commands from now on."""
        wanted = CONSUMERS[self._agent]
        self._subscription = await self._client.nc.subscribe(
            wanted["deliver_subject"], queue=wanted["deliver_group"], cb=self._on_command
        )
        self._awake_s = perf_counter()
        self._tasks = {asyncio.create_task(self._keep_alive()), asyncio.create_task(self._keep_made())}

    async def stop(self) -> None:
        """Take no more; give commands at work a moment to end, and back what is left, for another instance."""
        if self._subscription is not None:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self._subscription.unsubscribe()
            self._subscription = None
        if self._work:
            await asyncio.wait(self._work, timeout=_PARTING_S)
        await cancel_all({*self._work, *self._tasks})
        for msg in [*self._in_hand.values()]:
            await self._say(msg.reply, _NAK)
        self._in_hand.clear()

    async def _on_command(self, msg: Msg) -> None:
        headers = msg.headers
        if not headers or REPLY_TO not in headers:
            await self._say(msg.reply, _ACK)  # the copy of a live request, which is answered elsewhere
            return
        ticket = _ticket(msg.reply)
        if ticket in self._in_hand:
            self._in_hand[ticket] = msg  # it is being done: the server did not hear so, or lost its patience
            return
        known = self._answered.get(ticket)
        if known is not None:  # the answer or its acknowledgement was lost with a connection
            await self._say(*known)
            await self._say(msg.reply, _ACK)
            return
        self._in_hand[ticket] = msg
        work = self._do(ticket, msg, headers[REPLY_TO], Deadline.read(headers), perf_counter())
        if self._only_computes(msg.subject) and not self._at_once.locked():
            await work
        else:
            start(work, self._work)

    async def _do(self, ticket: str, msg: Msg, reply_to: str, deadline: Deadline | None, began_s: float) -> None:
        async with self._at_once:
            if deadline is not None and deadline.left_s() < 0:
                log.warning("%s: a command on %s came after its deadline; not done", self._agent, msg.subject)
                if await bury_late(self._client, self._agent, msg):
                    await self._say(self._in_hand.pop(ticket).reply, _TERM)
                else:
                    del self._in_hand[ticket]  # it comes again, and is recorded then
                return
            if self._may_be_anothers():
                log.warning("%s: paused for longer than ack_wait; a command on %s is left", self._agent, msg.subject)
                del self._in_hand[ticket]
                return
            current_deadline.set(deadline)
            try:
                answer = await self._answer(msg, began_s)
            except Exception:
                log.exception("%s: no answer to a command on %s; it comes again", self._agent, msg.subject)
                del self._in_hand[ticket]
                return
        self._answered[ticket] = (reply_to, answer)
        if len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)
        await self._say(reply_to, answer)
        await self._say(self._in_hand.pop(ticket).reply, _ACK)

    async def _say(self, subject: str, data: bytes) -> None:
        try:
            await self._client.nc.publish(subject, data)
        except (nats.errors.Error, OSError) as error:
            log.warning("%s: could not say %r to %s: %s", self._agent, data[:8], subject, error)

    def _may_be_anothers(self) -> bool:
        """Whether this process just woke from a pause (a debugger, a stopped machine) as long as `ack_wait`.

        What waited meanwhile was delivered again, perhaps to another instance. It is left: if nobody has it, it
        comes again. A command that is delivered only once can't be anyone else's.
        """
        now_s = perf_counter()
        return self._comes_again and (now_s < self._doubtful_until_s or now_s - self._awake_s > 0.9 * self._ack_wait_s)

    async def _keep_alive(self) -> None:
        """Tell the server of the commands that are still in hand, so that they aren't delivered again."""
        while True:
            await asyncio.sleep(self._ack_wait_s / 3)
            now_s = perf_counter()
            if now_s - self._awake_s > 0.9 * self._ack_wait_s:
                self._doubtful_until_s = now_s + _DOUBTFUL_S
            self._awake_s = now_s
            for msg in [*self._in_hand.values()]:
                await self._say(msg.reply, _IN_PROGRESS)

    async def _keep_made(self) -> None:
        """Make streams and consumer again when they vanished; the commands' stream does with its server.

        Where agents sign in with keys, that is the monitor's to do.
        """
        while self._client.key_file is None:
            try:
                await ensure_streams(self._client.js)
                await ensure_consumer(self._client.js, self._agent)
            except (BusError, nats.errors.Error, APIError, OSError, TimeoutError) as error:
                text = str(error) or type(error).__name__
                log.warning("%s: the command queue: %s; trying again", self._agent, text)
                await asyncio.sleep(_RETRY_S)
            else:
                await self._client.wait_for_reconnect(_CHECK_S)


def _ticket(ack_subject: str) -> str:
    """What is the same in every delivery of one stored message: its sequence and the time it was stored.

    The subject is $JS.ACK.stream.consumer.deliveries.sequence.delivery.time.pending, with domain and account
    before the stream, and a token after, on servers that say so.
    """
    words = ack_subject.split(".")
    first = 2 if len(words) < 11 else 4
    return f"{words[first + 3]}.{words[first + 5]}"
