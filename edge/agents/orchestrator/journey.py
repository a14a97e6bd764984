"""Whose it is what the orchestrator says: the customer's session and trace, from their first moment to their last."""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import replace
from typing import Final

from edge.bus import Client
from edge.bus.client import current
from edge.contract.envelope import NATSMessage, is_uuid4

_REMEMBERED_TRACES: Final = 64  # sessions; a page that was away may still have the trace of one of them


class Journey:
    """Gives what `client` says the ids of the customer's session, whatever the message that led to it had."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._traces: deque[str] = deque(maxlen=_REMEMBERED_TRACES)  # of sessions, the newest last

    @property
    def ids(self) -> tuple[str, str | None]:
        """The session's id and trace; without a customer an id of no session in particular, and None."""
        return self._client.session_id, self._client.trace_id

    def begin(self) -> None:
        """Give what is said from now on a session id of its own, and the trace of what brought the customer."""
        trace_id = self._unused_trace()
        self._traces.append(trace_id)
        self._speak_in(str(uuid.uuid4()), trace_id)

    def take_up(self, session_id: str, trace_id: str | None) -> None:
        """Go on with a session that an earlier run began."""
        self._client.session_id, self._client.trace_id = session_id, trace_id
        if trace_id is not None:
            self._traces.append(trace_id)

    def end(self) -> None:
        """Give what is said from now on the id of no session in particular, and each deed a trace of its own."""
        self._speak_in(str(uuid.uuid4()), None)

    def go_on(self) -> None:
        """What is said about the deed at hand belongs to the session that runs."""
        self._speak_in(*self.ids)

    def _speak_in(self, session_id: str, trace_id: str | None) -> None:
        """What is said about a deed belongs to our session and its trace, whatever its cause had.

        Without `trace_id`, between customers, it belongs to its cause's trace; a deed of our own begins one.
        """
        self._client.session_id = session_id
        self._client.trace_id = trace_id
        trace_id = trace_id or self._unused_trace()
        cause = current.get()
        if cause is None:
            current.set(NATSMessage.create(session_id, {}, trace_id))
        else:
            current.set(replace(cause, session_id=session_id, trace_id=trace_id))

    def _unused_trace(self) -> str:
        """The trace of what is being done now, or a new one.

        A trace is one customer's: one that a session had (of a page that was away, of a camera that hasn't
        heard of the end yet) is not taken again.
        """
        cause = current.get()
        known = cause.trace_id if cause else ""
        return known if is_uuid4(known) and known not in self._traces else str(uuid.uuid4())
