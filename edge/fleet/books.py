"""What is known of each kiosk, and the counting of what was lost. No I/O.

Every event of FLEET_EVENTS carries the sequence that it had in the kiosk's own KIOSK_EVENTS, where nothing is ever
deleted but by its limits (24 h, 100,000 events). A gap in them is therefore what the limits took before the hub had it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from edge.bus.hub import Stored
from edge.contract.streams import EVENTS_STREAM

KEPT_ON_KIOSK_S: Final = int(EVENTS_STREAM["max_age"]) / 1e9
KEPT_ON_KIOSK: Final = int(EVENTS_STREAM["max_msgs"])


class Notice(msgspec.Struct, kw_only=True, frozen=True):
    """Something that whoever looks after the fleet must hear of. `first` to `last` are the kiosk's own sequences.

    ``lost``: `count` events are gone for good. ``restarted``: the kiosk's stream began anew, as with a new disk; what
    the hub had not got of the old one is gone, and nobody knows how much that was.
    """

    kind: Literal["lost", "restarted"]
    kiosk: str
    at_s: float
    first: int
    last: int
    count: int
    total: int
    generation: int = 0

    @property
    def msg_id(self) -> str:
        """The same for the same notice, told again by a keeper that died before it knew that it had told it."""
        return f"{self.kind}.{self.kiosk}.{self.generation}.{self.first}-{self.last}"

    @property
    def text(self) -> str:
        """In words."""
        if self.kind == "lost":
            which = f"{self.first:,} to {self.last:,}; {self.total:,} in all"
            return f"{self.count:,} events of {self.kiosk} are lost ({which})"
        return f"{self.kiosk} has a new event stream: what the old one had after its {self.last:,}th event is gone"


class KioskStream(msgspec.Struct, kw_only=True, frozen=True):
    """KIOSK_EVENTS as the kiosk tells of it."""

    first: int
    last: int
    messages: int
    created: str
    max_messages: int = KEPT_ON_KIOSK

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> KioskStream | None:
        """From JetStream's answer; None where the kiosk has no such stream (yet)."""
        if "state" not in answer:
            return None
        state, config = answer["state"], answer.get("config", {})
        return cls(
            first=int(state["first_seq"]),
            last=int(state["last_seq"]),
            messages=int(state["messages"]),
            created=str(answer["created"]),
            max_messages=int(config.get("max_msgs", KEPT_ON_KIOSK)),
        )


class Book(msgspec.Struct, kw_only=True):
    """All about one kiosk. Times are Unix seconds.

    `seen` is the highest sequence of the kiosk's own stream that arrived, `counted` up to where losses are counted,
    `read` the place in the hub's stream up to where this book is kept.
    """

    kiosk: str
    stream: str
    member: bool = True
    generation: int = 0
    seen: int = 0
    counted: int = 0
    read: int = 0
    arrived: int = 0
    lost: int = 0
    restarts: int = 0
    last_event_s: float | None = None
    connected: bool = False
    since_s: float | None = None
    version: str = ""
    origin: KioskStream | None = None
    waited_for: int = 0

    @property
    def lag(self) -> int | None:
        """How many events the kiosk had for the hub when it last told; None if it never did."""
        return None if self.origin is None else max(0, self.origin.last - max(self.seen, self.counted))

    def cut_off_s(self, now_s: float) -> float:
        """How long it has been away; 0 while it is connected or was never there."""
        return 0.0 if self.connected or self.since_s is None else max(0.0, now_s - self.since_s)

    def losing(self, now_s: float) -> bool:
        """Whether it has been away for so long that its own stream forgets events the hub never got."""
        return self.cut_off_s(now_s) > KEPT_ON_KIOSK_S

    def tally(self, event: Stored) -> list[Notice]:
        """Count an event that the hub stored; what was lost before it."""
        sequence = event.origin
        if sequence is None or event.sequence <= self.read:
            return []
        first_ever, self.read = self.read == 0, event.sequence
        self.arrived += 1
        self.last_event_s = max(self.last_event_s or 0.0, event.at_s)
        if sequence <= self.seen:  # sequences begin again: it is another stream
            notices = [*self._begin_again(event.at_s), *self._lost_before(sequence, event.at_s)]
            self.seen = self.counted = sequence
            return notices
        if sequence <= self.counted:  # thought lost, and still came
            self.lost -= 1
            self.seen = sequence
            return []
        notices = [] if first_ever and not self.counted else self._lost_before(sequence, event.at_s)
        self.seen = self.counted = sequence
        return notices

    def look(self, found: KioskStream | None, now_s: float) -> list[Notice]:
        """Note that the kiosk told of its stream (None: it is connected and has none yet)."""
        self._be(connected=True, now_s=now_s)
        if found is None:
            return []
        before, self.origin = self.origin, found
        if before is not None and (found.created != before.created or found.last < self.seen):
            self.waited_for = 0
            return self._begin_again(now_s)
        # What is neither here nor there any more is lost. What is on its way isn't: it must be so at two looks.
        gone_up_to = found.first - 1
        if self.waited_for and max(self.seen, self.counted) < self.waited_for <= gone_up_to and found.messages == 0:
            notices = self._lost_before(self.waited_for + 1, now_s)
            self.counted = self.waited_for
            self.waited_for = 0
            return notices
        empty_and_behind = found.messages == 0 and self.read > 0 and max(self.seen, self.counted) < gone_up_to
        self.waited_for = gone_up_to if empty_and_behind else 0
        return []

    def miss(self, now_s: float) -> None:
        """Note that the kiosk doesn't answer."""
        self.waited_for = 0
        self._be(connected=False, now_s=now_s)

    def _be(self, *, connected: bool, now_s: float) -> None:
        if self.since_s is None and not connected:
            return  # it was never there
        if self.connected != connected or self.since_s is None:
            self.connected, self.since_s = connected, now_s

    def _begin_again(self, at_s: float) -> list[Notice]:
        if self.seen == 0 and self.counted == 0:
            return []
        notice = Notice(
            kind="restarted",
            kiosk=self.kiosk,
            at_s=at_s,
            first=self.seen + 1,
            last=self.seen,
            count=0,
            total=self.lost,
            generation=self.restarts,
        )
        self.restarts += 1
        self.seen = self.counted = 0
        return [notice]

    def _lost_before(self, sequence: int, at_s: float) -> list[Notice]:
        """Count what is missing before `sequence`."""
        first = max(self.seen, self.counted) + 1
        count = sequence - first
        if count <= 0:
            return []
        self.lost += count
        return [
            Notice(
                kind="lost",
                kiosk=self.kiosk,
                at_s=at_s,
                first=first,
                last=sequence - 1,
                count=count,
                total=self.lost,
                generation=self.restarts,
            )
        ]
