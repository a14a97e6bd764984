"""How long the orchestrator waits for what, and its timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields
from typing import Any, Literal

Deed = Callable[[], Coroutine[Any, Any, None]]
TimerName = Literal["idle", "left", "receipt", "goodbye", "look", "show", "cancel", "closure"]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Waiting times in seconds; the defaults are our choice, to be tuned at a real kiosk (kiosk.toml: orchestrator).

    Raises:
        ValueError: one is not positive, or the idle warning is not before the end.
    """

    left_grace_s: float = 8.0  # from person_left until the session ends: people step back to read or to ask
    left_warning_s: float = 5.0  # the countdown begins this long before that, or at once
    idle_s: float = 60.0  # from the customer's last deed until the session ends
    idle_warning_s: float = 15.0  # the countdown begins this long before that
    gaze_holds_s: float = 180.0  # who looks at the screen isn't idle, but only this long after the last deed
    receipt_s: float = 8.0  # the receipt screen, once printed
    unprinted_receipt_s: float = 30.0  # the receipt screen where the link on it is the only receipt
    goodbye_s: float = 4.0
    gaze_lapse_s: float = 3.0  # who looked away this shortly ago is still spoken with
    missing_after_s: float = 5.0  # a neighbour is gone, not just starting anew, after this long
    surroundings_s: float = 2.0  # between two looks at neighbours and devices
    resume_s: float = 120.0  # after a restart of our own, a session that moved this shortly ago goes on
    look_again_s: float = 5.0  # between tries to get dishes for the attract screen

    cancel_again_s: float = 1.0  # between tries to stop a payment that goes on
    show_again_s: float = 2.0  # until a screen that the bus didn't take is sent again

    def __post_init__(self) -> None:
        """Refuse what can't work."""
        for each in fields(self):
            if not getattr(self, each.name) > 0:
                raise ValueError(f"{each.name} is not more than 0")
        if self.idle_warning_s >= self.idle_s:
            raise ValueError("idle_warning_s is not less than idle_s")


class Timers:
    """One timer a name. A timer that was set anew or cancelled does nothing, even if it is due already."""

    def __init__(self, enqueue: Callable[[Deed], None]) -> None:
        self._enqueue = enqueue
        self._handles: dict[TimerName, asyncio.TimerHandle] = {}

    def set(self, name: TimerName, delay_s: float, deed: Deed) -> None:
        """Have `deed` done in `delay_s`, in place of what `name` was set to."""
        self.cancel(name)
        handle = asyncio.get_running_loop().call_later(delay_s, lambda: self._enqueue(if_still_set))
        self._handles[name] = handle

        async def if_still_set() -> None:
            if self._handles.get(name) is handle:
                del self._handles[name]
                await deed()

    def is_set(self, name: TimerName) -> bool:
        """Whether `name` is still to come."""
        return name in self._handles

    def cancel(self, name: TimerName) -> None:
        """Forget `name`."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def clear(self) -> None:
        """Forget all."""
        for name in list(self._handles):
            self.cancel(name)
