"""What is known of the devices: its own by looking, camera and microphone by hearing from their agents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from drivers.watching import DeviceWatch, Seen, utc_text
from edge.contract.hardware import CameraState, Condition, DeviceStatus, MicrophoneState

# Agents tell of their device every 30 s: after so long without a word nobody knows how it is.
SILENT_S: Final = 75.0


@dataclass(frozen=True)
class _Told:
    agent: str
    state: CameraState | MicrophoneState
    at_s: float  # time.monotonic
    at: datetime


class DeviceRegister:
    """How each device is, for `kiosk.hardware.status`."""

    def __init__(self, watches: Sequence[DeviceWatch], *, silent_s: float = SILENT_S) -> None:
        self._watches = {watch.name: watch for watch in watches}
        self._silent_s = silent_s
        self._told: dict[str, _Told] = {}

    def watch(self, name: str) -> DeviceWatch:
        """The watch over the own device `name`.

        Raises:
            KeyError: there is none.
        """
        return self._watches[name]

    async def follow(self) -> None:
        """Look at the own devices, for ever."""
        async with asyncio.TaskGroup() as following:
            for watch in self._watches.values():
                following.create_task(_follow(watch))

    def told(self, name: str, agent: str, state: CameraState | MicrophoneState) -> None:
        """`agent` has told how its device is."""
        self._told[name] = _Told(agent, state, time.monotonic(), datetime.now(UTC))

    async def status(self) -> list[DeviceStatus]:
        """All that are known; a device that nobody has told of yet is left out."""
        seen = await asyncio.gather(*(watch.seen() for watch in self._watches.values()))
        own = [_own(name, each) for name, each in zip(self._watches, seen, strict=True)]
        return own + [self._others(name, told) for name, told in sorted(self._told.items())]

    def _others(self, name: str, told: _Told) -> DeviceStatus:
        if time.monotonic() - told.at_s > self._silent_s:
            return DeviceStatus(
                name=name,
                condition=Condition.ABSENT,
                since=utc_text(told.at),
                reason=f"the {told.agent} agent, which has it, tells nothing of it any more",
                code="silent",
            )
        state = told.state
        return DeviceStatus(
            name=name, condition=state.condition, since=state.since, reason=state.reason, code=state.code
        )


def _own(name: str, seen: Seen) -> DeviceStatus:
    state = seen.state
    condition = Condition(state.condition.value)
    return DeviceStatus(name=name, condition=condition, since=seen.since_text, reason=state.reason, code=state.code)


async def _follow(watch: DeviceWatch) -> None:
    async with aclosing(watch.follow()) as changes:
        async for _ in changes:
            pass  # the watch logs them, and knows the last
