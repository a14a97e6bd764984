"""Asking an agent and waiting for its answer, both ways of decision 2."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, TypeVar

import nats.errors

from edge.bus.connection import RECONNECT_WAIT_S
from edge.bus.deadline import Deadline
from edge.bus.telemetry import span
from edge.contract.envelope import DEADLINE, REPLY_TO, NATSMessage
from edge.contract.errors import AskError, ContractError, ErrorCode
from edge.contract.subjects import Command, agent_of
from edge.contract.wire import Payload, from_fields, to_bytes, to_json

if TYPE_CHECKING:
    from edge.bus.client import Client

_PING_TIMEOUT_S = 1.0
_PING_AGAIN_S = 0.1
_BACK_AFTER_S = 0.5  # beyond RECONNECT_WAIT_S, until neighbours that lost the server with us are subscribed again
_ALIVE_FOR_S = 1.0  # an agent that answered this recently isn't pinged before the next command
_UNADVERTISED_GRACE_S = 0.25  # for responders that are no micro service, such as `nats reply`

Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)


class Asker:
    """What `Client.request` asks with."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._alive_at_s: dict[str, float] = {}
        self._all_back_by_s = 0.0

    def forget_who_is_up(self) -> None:
        """Ping each agent before the next command: the connection was lost in between, and maybe theirs too."""
        self._alive_at_s.clear()
        self._all_back_by_s = time.monotonic() + RECONNECT_WAIT_S + _BACK_AFTER_S

    async def durably(self, command: Command[Q, A], ask: Q, timeout: float) -> A:
        """Ask through the work queue; the answer as its type.

        Raises:
            AskError, InvalidPayload: as for `Client.request`.
        """
        content = to_bytes(ask)
        agent = command.done_by
        if not self._client.connected:
            timeout = await self._time_left_when_connected(timeout)
        if not self._was_alive(agent):
            timeout = await self._time_left_when_up(agent, timeout)
        try:
            with self._client.inbox.expect(timeout) as expected:
                headers = {REPLY_TO: expected.subject, DEADLINE: str(Deadline.within(timeout))}
                data = self._client.seal(content)[1]
                with span("ask", self._client.name, command.subject, data, headers):
                    await self._client.nc.publish(command.subject, data, reply=expected.subject, headers=headers)
                    reply = NATSMessage.from_json((await expected.answer()).data)
                    self._alive_at_s[agent] = time.monotonic()
                    if reply.payload.get("status") == "error":
                        raise AskError.from_payload(reply.payload)
                    return from_fields(reply.payload, command.reply)
        except ContractError as error:
            raise AskError(ErrorCode.INTERNAL_ERROR, f"{agent}'s answer breaks the contract: {error}") from error
        except TimeoutError:
            raise await self._no_answer(agent, command.subject, timeout) from None
        except (nats.errors.Error, OSError) as error:
            raise AskError(ErrorCode.UNAVAILABLE, f"the bus can't be reached: {error}") from error

    async def live(self, subject: str, ask: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Ask as any NATS client does; the answer's whole envelope.

        Raises:
            AskError: as for `Client.request`.
        """
        agent = agent_of(subject)
        if not self._client.connected:
            timeout = await self._time_left_when_connected(timeout)
        try:
            headers: dict[str, str] = {}
            data = self._client.seal(to_json(ask))[1]
            with self._client.inbox.expect(timeout) as expected, span("ask", self._client.name, subject, data, headers):
                await self._client.nc.publish(subject, data, reply=expected.subject, headers=headers or None)
                if (
                    agent is not None
                    and not self._was_alive(agent)
                    and not await self.is_up(agent)
                    and not await expected.came_within(_UNADVERTISED_GRACE_S)
                ):
                    raise _unavailable(agent)
                data = (await expected.answer()).data
        except nats.errors.NoRespondersError:
            raise _unavailable(agent or subject) from None
        except TimeoutError:
            raise await self._no_answer(agent, subject, timeout) from None
        except (nats.errors.Error, OSError) as error:
            raise AskError(ErrorCode.UNAVAILABLE, f"the bus can't be reached: {error}") from error
        if agent is not None:
            self._alive_at_s[agent] = time.monotonic()
        try:
            reply = json.loads(data)
        except ValueError as error:
            raise AskError(ErrorCode.INTERNAL_ERROR, f"the answer on {subject} is not JSON: {error}") from error
        if not isinstance(reply, dict):
            raise AskError(ErrorCode.INTERNAL_ERROR, f"the answer on {subject} is not a JSON object")
        return reply

    async def _time_left_when_connected(self, timeout: float) -> float:
        """Wait for a lost connection; what is left of `timeout` then.

        Nothing is sent before: nats-py would keep it, and do it when its asker has left.
        """
        ends_s = time.monotonic() + timeout
        while not self._client.connected:
            left_s = ends_s - time.monotonic()
            if self._client.left or left_s <= 0:
                raise AskError(ErrorCode.UNAVAILABLE, f"the bus at {self._client.url} can't be reached")
            await self._client.wait_for_reconnect(left_s)
        return ends_s - time.monotonic()

    async def _time_left_when_up(self, agent: str, timeout: float) -> float:
        """Ping `agent`; after a reconnect of ours for as long as its own may take. What is left of `timeout` then."""
        began_s = time.monotonic()
        while not await self.is_up(agent):
            now_s = time.monotonic()
            if now_s > self._all_back_by_s or now_s - began_s > timeout:
                raise _unavailable(agent)
            await asyncio.sleep(_PING_AGAIN_S)
        return timeout - (time.monotonic() - began_s)

    def _was_alive(self, agent: str) -> bool:
        return time.monotonic() - self._alive_at_s.get(agent, -_ALIVE_FOR_S) < _ALIVE_FOR_S

    async def is_up(self, agent: str) -> bool:
        """Whether an instance of `agent` is on the bus now (its micro service answers pings)."""
        try:
            await self._client.nc.request(f"$SRV.PING.{agent}", b"", timeout=_PING_TIMEOUT_S)
        except nats.errors.NoRespondersError:
            return False
        except (nats.errors.TimeoutError, TimeoutError):
            return True  # it is subscribed, only slow
        except (nats.errors.Error, OSError) as error:
            raise AskError(ErrorCode.UNAVAILABLE, f"the bus can't be reached: {error}") from error
        return True

    async def _no_answer(self, agent: str | None, subject: str, timeout: float) -> AskError:
        if agent is not None:
            self._alive_at_s.pop(agent, None)
            if not await self.is_up(agent):
                return _unavailable(agent)
        return AskError(ErrorCode.TIMEOUT, f"{agent or subject} did not answer within {timeout:g} s")


def _unavailable(agent: str) -> AskError:
    return AskError(ErrorCode.UNAVAILABLE, f"{agent} is not running")
