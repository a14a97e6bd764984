"""The hub of a fleet, for those who sign in there: its JetStream, and questions to one kiosk.

JetStream's configurations are kept as the server gives them, as JSON: a setting that this version doesn't know is
still there after an update.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import APIError

from edge.bus.connection import CONNECT_TIMEOUT_S, BusError, BusUnreachable, NatsConnection, SignInRefused
from edge.bus.keys import KeyUnusable, read_seed

log = logging.getLogger(__name__)

_API: Final = "$JS.API"
_ANSWER_S: Final = 5.0
_RECONNECT_WAIT_S: Final = 1
_NOT_FOUND: Final = (10059, 10014, 10037)  # stream, consumer, message


class HubRefused(BusError):
    """The hub's JetStream doesn't do what was asked; the text is the server's own. `code` is its error's number."""

    def __init__(self, what: str, code: int, words: str) -> None:
        super().__init__(f"the hub refuses {what}: {words} (code {code})")
        self.code = code

    @property
    def not_found(self) -> bool:
        """Whether there is no such stream, consumer or message."""
        return self.code in _NOT_FOUND


class KioskAway(BusError):
    """The kiosk isn't connected to the hub, or lets nobody ask this."""


class KioskSilent(BusError):
    """The kiosk did not answer in time."""


@dataclass(frozen=True)
class Stored:
    """One message of a stream. `left` is how many of them come after it."""

    subject: str
    data: bytes
    sequence: int
    at_s: float
    headers: dict[str, str] = field(default_factory=dict)
    left: int = 0

    @classmethod
    def of(cls, msg: Msg) -> Stored:
        """What a consumer gave."""
        about = msg.metadata
        return cls(
            msg.subject,
            msg.data,
            about.sequence.stream,
            about.timestamp.timestamp(),
            {str(name): str(value) for name, value in (msg.headers or {}).items()},
            about.num_pending,
        )

    @property
    def origin(self) -> int | None:
        """Its sequence in the stream that it was sourced from; None for what was published here."""
        words = self.headers.get("Nats-Stream-Source", "").split()
        return int(words[1]) if len(words) > 1 else None


class Hub:
    """A connection to the hub as `user`, kept up for ever."""

    def __init__(self, urls: Sequence[str], *, user: str, key_file: Path, ca_file: Path | None = None) -> None:
        self.urls = tuple(urls)
        self.user = user
        self._key_file = key_file
        self._ca_file = ca_file
        self._nc: NatsClient | None = None
        self._asked = 0

    async def __aenter__(self) -> Hub:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, wait_s: float = 10.0) -> None:
        """Connect to any of the hub's nodes.

        Raises:
            BusUnreachable: none answers within `wait_s`, or it isn't the hub that `ca_file` vouches for.
            SignInRefused: the hub doesn't know the key, or the key can't be used.
        """
        try:
            seed = await asyncio.to_thread(read_seed, self._key_file)
            trusted = None if self._ca_file is None else ssl.create_default_context(cafile=str(self._ca_file))
        except KeyUnusable as error:
            raise SignInRefused(str(error)) from error
        except (OSError, ssl.SSLError) as error:
            raise BusUnreachable(f"the hub's certificate authority {self._ca_file} can't be read: {error}") from error
        problems: list[str] = []
        refused = asyncio.Event()

        async def on_error(error: Exception) -> None:
            words = str(error) or type(error).__name__
            problems.append(words)
            log.debug("hub: %s", words)
            if "authorization violation" in words.lower():
                refused.set()

        nc = NatsConnection()
        connecting = asyncio.ensure_future(
            nc.connect(
                list(self.urls),
                name=f"kiosk fleet {self.user}",
                inbox_prefix=f"_INBOX.{self.user}".encode(),
                nkeys_seed_str=seed,
                tls=trusted,
                error_cb=on_error,
                reconnect_time_wait=_RECONNECT_WAIT_S,
                max_reconnect_attempts=-1,
                connect_timeout=CONNECT_TIMEOUT_S,
            )
        )
        refusal = asyncio.ensure_future(refused.wait())
        try:
            await asyncio.wait((connecting, refusal), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if refused.is_set():
                raise SignInRefused(f"the hub doesn't know the key {self._key_file} of {self.user}")
            if not connecting.done():
                why = f": {problems[-1]}" if problems else ""
                raise BusUnreachable(f"no node of the hub answers at {', '.join(self.urls)}{why}")
            await connecting
        except (OSError, nats.errors.Error) as error:
            raise BusUnreachable(f"no node of the hub answers at {', '.join(self.urls)}: {error}") from error
        finally:
            refusal.cancel()
            if not connecting.done():
                connecting.cancel()
            await asyncio.wait((connecting, refusal))
            if self._nc is None and (connecting.cancelled() or connecting.exception()):
                with contextlib.suppress(nats.errors.Error, OSError):
                    await nc.close()
        self._nc = nc

    async def close(self) -> None:
        """Leave."""
        nc, self._nc = self._nc, None
        if nc is not None and not nc.is_closed:
            if not nc.is_connected:
                # nats-py 2.16 writes what is pending to its closed transport; from Python 3.12 on that is a TypeError.
                nc._pending, nc._pending_data_size = [], 0
            await nc.close()

    @property
    def nc(self) -> NatsClient:
        """The connection.

        Raises:
            BusUnreachable: not connected yet, or closed.
        """
        if self._nc is None:
            raise BusUnreachable("not connected to the hub")
        return self._nc

    @property
    def _js(self) -> JetStreamContext:
        return self.nc.jetstream(timeout=_ANSWER_S)

    # -- JetStream ------------------------------------------------------------------------------------------

    async def api(self, verb: str, body: dict[str, Any] | None = None, *, timeout_s: float = _ANSWER_S) -> Any:
        """Ask the hub's JetStream, such as ``STREAM.INFO.FLEET_EVENTS``; its answer.

        Raises:
            HubRefused: it says no.
            BusUnreachable: it doesn't say anything; two of its nodes may be away.
        """
        try:
            answer = await self.nc.request(f"{_API}.{verb}", json.dumps(body or {}).encode(), timeout=timeout_s)
            said = json.loads(answer.data)
        except (nats.errors.Error, TimeoutError, OSError, ValueError) as error:
            raise BusUnreachable(
                f"the hub's JetStream doesn't answer {verb} ({str(error) or 'timeout'}); are two of its nodes up?"
            ) from error
        if "error" in said:
            wrong = said["error"]
            raise HubRefused(verb, int(wrong.get("err_code", wrong.get("code", 0))), str(wrong.get("description")))
        return said

    async def streams(self, prefix: str) -> list[str]:
        """The names of the streams that begin so."""
        names = (await self.api("STREAM.NAMES")).get("streams") or []
        return sorted(str(name) for name in names if str(name).startswith(prefix))

    async def store(
        self, subject: str, data: dict[str, Any], *, msg_id: str | None = None, after: int | None = None
    ) -> int:
        """Publish into a stream; its sequence there, once it is kept. `after` is what the subject's last has to have.

        Raises:
            HubRefused: the stream doesn't take it; with `after`, because another message came first.
            BusUnreachable: it was not acknowledged.
        """
        headers = {"Nats-Msg-Id": msg_id} if msg_id else {}
        if after is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(after)
        try:
            kept = await self._js.publish(subject, json.dumps(data).encode(), headers=headers or None)
        except APIError as error:
            raise HubRefused(f"to keep {subject}", error.err_code or 0, error.description or "") from error
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise BusUnreachable(f"{subject} was not kept by the hub: {str(error) or 'timeout'}") from error
        return int(kept.seq)

    async def last(self, stream: str, subject: str) -> Stored:
        """The stream's last message on `subject`.

        Raises:
            HubRefused: there is none.
            BusUnreachable: the hub doesn't answer.
        """
        found = (await self.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject}))["message"]
        return Stored(subject, base64.b64decode(found.get("data", "")), int(found["seq"]), 0.0)

    async def read(
        self, stream: str, subjects: Sequence[str], *, last_each: bool = False, new: bool = False
    ) -> AsyncIterator[Stored]:
        """What the stream holds on `subjects`, oldest first; ends where it ended when the reading began.

        With `last_each` the newest of each subject; with `new` what comes from now on, for ever.

        Raises:
            BusUnreachable: the stream doesn't answer.
        """
        policy = DeliverPolicy.NEW if new else DeliverPolicy.LAST_PER_SUBJECT if last_each else DeliverPolicy.ALL
        one = len(subjects) == 1
        config = ConsumerConfig(
            deliver_policy=policy,
            filter_subject=subjects[0] if one else None,
            filter_subjects=None if one else list(subjects),
        )
        try:
            subscription = await self._js.subscribe(
                subjects[0] if one else "", stream=stream, ordered_consumer=True, config=config
            )
            try:
                if not new and _nothing_for(await subscription.consumer_info()):
                    return
                while True:
                    try:
                        msg = await subscription.next_msg(timeout=_ANSWER_S)
                    except (nats.errors.TimeoutError, TimeoutError):
                        if new:
                            continue
                        raise
                    found = Stored.of(msg)
                    yield found
                    if not new and found.left == 0:
                        return
            finally:
                with contextlib.suppress(nats.errors.Error, OSError):
                    await subscription.unsubscribe()
        except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
            raise BusUnreachable(f"{stream} doesn't answer: {str(error) or 'timeout'}") from error

    # -- one kiosk ------------------------------------------------------------------------------------------

    async def ask(self, subject: str, data: bytes, answers: str, *, timeout_s: float) -> bytes:
        """Ask on `subject`, with the answer to come under `answers`, where nobody but the asked may say anything.

        Raises:
            KioskAway: nobody is there to be asked.
            KioskSilent: no answer within `timeout_s`.
            BusUnreachable: the hub is away.
        """
        self._asked += 1
        inbox = f"{answers}.{self.nc.new_inbox().rsplit('.', 1)[-1]}{self._asked}"
        try:
            subscription = await self.nc.subscribe(inbox, max_msgs=1)
            try:
                await self.nc.publish(subject, data, reply=inbox)
                answer = await subscription.next_msg(timeout=timeout_s)
            finally:
                with contextlib.suppress(nats.errors.Error, OSError):
                    await subscription.unsubscribe()
        except (nats.errors.TimeoutError, TimeoutError) as error:
            raise KioskSilent(f"no answer within {timeout_s:g} s") from error
        except nats.errors.NoRespondersError as error:
            raise KioskAway("not connected to the hub, or it lets nobody ask this") from error
        except (nats.errors.Error, OSError) as error:
            raise BusUnreachable(f"the hub is away: {error}") from error
        if answer.headers and answer.headers.get("Status") == "503":
            raise KioskAway("not connected to the hub, or it lets nobody ask this")
        return answer.data

    async def ask_servers(self, verb: str, body: dict[str, Any] | None = None, *, listen_s: float = 2.0) -> list[Any]:
        """Ask every node of the hub ($SYS), such as ``LEAFZ``; what those said who answered within `listen_s`.

        Only who signed in to the hub's system account may.
        """
        inbox = self.nc.new_inbox()
        answers: list[Any] = []
        subscription = await self.nc.subscribe(inbox)
        try:
            await self.nc.publish(f"$SYS.REQ.SERVER.PING.{verb}", json.dumps(body or {}).encode(), reply=inbox)
            with contextlib.suppress(TimeoutError, nats.errors.TimeoutError):
                async with asyncio.timeout(listen_s):
                    while True:
                        msg = await subscription.next_msg(timeout=listen_s)
                        answers.append(json.loads(msg.data))
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()
        return answers

    async def ask_server(self, server_id: str, verb: str, body: dict[str, Any] | None = None) -> Any:
        """Ask one node of the hub ($SYS), such as ``RELOAD`` or ``KICK``.

        Raises:
            HubRefused: it says no.
            BusUnreachable: it doesn't answer.
        """
        try:
            answer = await self.nc.request(
                f"$SYS.REQ.SERVER.{server_id}.{verb}", json.dumps(body or {}).encode(), timeout=_ANSWER_S
            )
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise BusUnreachable(f"a node of the hub doesn't answer {verb}: {str(error) or 'timeout'}") from error
        said = json.loads(answer.data)
        if "error" in said:
            raise HubRefused(verb, int(said["error"].get("code", 0)), str(said["error"].get("description")))
        return said


def _nothing_for(consumer: ConsumerInfo) -> bool:
    """Whether the stream had nothing for it. What was sent may still be on its way, and come after this answer."""
    delivered = consumer.delivered
    return consumer.num_pending == 0 and (delivered is None or delivered.consumer_seq == 0)
