"""One player for every strip: starts a pattern, keeps it going, and sees that it ends."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.address import DeviceAddress
from drivers.errors import DeviceLost, DeviceSetup, DriverError
from drivers.leds import Pattern
from drivers.leds.patterns import FRAMES_HZ, Rgb, check_pattern, dark, is_animated, parse_color, render
from drivers.states import READY, Condition, DeviceState

DEFAULT_COUNT: Final = 24
# A picture that stands still is sent again this often, for a strip that lost power or misheard.
REFRESH_S: Final = 1.0
RETRY_S: Final = 1.0
# `state` answers within 2 s, also while a write is stuck.
STATE_S: Final = 1.5

_log = logging.getLogger(__name__)


def led_count(address: DeviceAddress) -> int:
    """Option `count` of an LED address.

    Raises:
        DeviceSetup: it is not a whole number from 1 on.
    """
    count = address.number("count", DEFAULT_COUNT)
    if count < 1:
        raise DeviceSetup(f"{address.scheme}: a strip of {count} LEDs; count is at least 1")
    return count


class Strip(Protocol):
    """What the player drives."""

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""

    async def show(self, pixels: bytes) -> None:
        """Show `count` x 3 bytes of red, green, blue, proportional to light; return when they are sent.

        Raises:
            DriverError: they could not be sent.
        """

    async def close(self) -> None:
        """Let go of the device."""


@dataclass
class _Scene:
    """One pattern on its way; its clock is the event loop's."""

    pattern: Pattern
    color: Rgb
    count: int
    start_s: float
    end_s: float
    replaced: bool = False

    def frame(self, now_s: float) -> bytes:
        if now_s >= self.end_s:
            return dark(self.count)
        return render(self.pattern, self.color, self.count, now_s - self.start_s, self.end_s - self.start_s)

    def next_s(self, now_s: float) -> float:
        """When to look again."""
        if is_animated(self.pattern):
            frame_number = math.floor((now_s - self.start_s) * FRAMES_HZ) + 1
            upcoming_s = self.start_s + frame_number / FRAMES_HZ
        else:
            upcoming_s = now_s + REFRESH_S
        return min(upcoming_s, self.end_s)


class PatternPlayer:
    """Leds on any `Strip`.

    A pattern ends at its duration, with the next one, with `off` or `close`, and when the task that plays it
    ends in any other way. A strip that fails while a pattern plays is logged once, kept in `failure` and
    tried again every second; also after the pattern's end, until it could be told to go dark.
    """

    def __init__(self, strip: Strip) -> None:
        self._strip = strip
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._scene: _Scene | None = None
        self._closed = False
        self._answered_at_s = -math.inf  # when the strip's port last took a frame or refused one
        self.failure: DriverError | None = None

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return self._strip.count

    async def play(self, pattern: Pattern, color: str, duration_ms: int | None = None) -> None:
        """Start `pattern` in `color` ("#RRGGBB"), in place of what is playing; return once it shows.

        Raises:
            ValueError: pattern, color or duration is not one.
            DriverError: the strip can't be driven.
        """
        check_pattern(pattern)
        rgb = parse_color(color)
        if duration_ms is not None and duration_ms <= 0:
            raise ValueError(f"a duration of {duration_ms} ms is not positive")
        await self._switch_to(pattern, rgb, math.inf if duration_ms is None else duration_ms / 1000)

    async def off(self) -> None:
        """Go dark now.

        Raises:
            DriverError: the strip can't be driven; it goes dark as soon as it can.
        """
        await self._switch_to("solid", (0, 0, 0), 0.0)

    async def state(self) -> DeviceState:
        """How the strip is. While a pattern plays, its frames tell; a strip at rest is told again to be dark."""
        if self._closed:
            return DeviceState.of(DeviceLost("the LED strip was closed"))
        now_s = asyncio.get_running_loop().time()
        if now_s - self._answered_at_s >= REFRESH_S:
            try:
                async with asyncio.timeout(STATE_S), self._turn:
                    await self._ask()
            except TimeoutError:
                return DeviceState(Condition.DEGRADED, f"the LED strip took no frame within {STATE_S:g} s", "timeout")
        return READY if self.failure is None else DeviceState.of(self.failure)

    async def close(self) -> None:
        """Go dark and let go of the device."""
        async with self._turn:
            if self._closed:
                return
            self._closed = True
            await self._stop()
            await self._darken()
            if self.failure is not None:  # nobody will try again: once more, on a port that is opened anew
                await self._darken()
            await self._strip.close()

    async def _ask(self) -> None:
        if not self._closed and (self._task is None or self._task.done()):
            await self._darken()

    async def _switch_to(self, pattern: Pattern, color: Rgb, duration_s: float) -> None:
        async with self._turn:
            if self._closed:
                raise DeviceLost("the LED strip was closed")
            await self._stop()
            start_s = asyncio.get_running_loop().time()
            scene = _Scene(pattern, color, self.count, start_s, start_s + duration_s)
            first = scene.frame(start_s)
            try:
                await self._send(first)
            except DriverError:
                # What still shows is the pattern before: darken it when the strip is back.
                scene.end_s = start_s
                self._start(scene, None)
                raise
            self._start(scene, first)

    def _start(self, scene: _Scene, shown: bytes | None) -> None:
        self._scene = scene
        self._task = asyncio.create_task(self._run(scene, shown), name="leds")

    async def _stop(self) -> None:
        if self._task is None or self._scene is None:
            return
        self._scene.replaced = True  # the next picture follows at once: no dark moment between two patterns
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = self._scene = None

    async def _run(self, scene: _Scene, shown: bytes | None) -> None:
        try:
            await self._animate(scene, shown)
        except asyncio.CancelledError:
            if not scene.replaced:
                await self._darken()
            raise
        except Exception as error:
            _log.exception("LED pattern %s stopped", scene.pattern)
            await self._darken()
            self.failure = self.failure or DriverError(f"the LED pattern {scene.pattern} stopped: {error}")

    async def _animate(self, scene: _Scene, shown: bytes | None) -> None:
        clock = asyncio.get_running_loop().time
        unlit = dark(self.count)
        shown_at_s = clock()
        while True:
            now_s = clock()
            frame = scene.frame(now_s)
            if frame != shown or now_s - shown_at_s >= REFRESH_S:
                if not await self._show(frame):
                    shown = None
                    await asyncio.sleep(RETRY_S)
                    continue
                shown, shown_at_s = frame, now_s
            if now_s >= scene.end_s and shown == unlit:
                return
            await asyncio.sleep(scene.next_s(now_s) - now_s)

    async def _send(self, frame: bytes) -> None:
        try:
            await self._strip.show(frame)
        except DriverError as error:
            self.failure = error
            raise
        else:
            self.failure = None
        finally:
            self._answered_at_s = asyncio.get_running_loop().time()

    async def _show(self, frame: bytes) -> bool:
        """Show a frame of a running pattern; False when the strip failed."""
        known = self.failure
        try:
            await self._send(frame)
        except DriverError as error:
            if known is None:
                _log.warning("LED strip failed, trying again every %g s: %s", RETRY_S, error)
            return False
        if known is not None:
            _log.info("LED strip is back")
        return True

    async def _darken(self) -> None:
        known = self.failure
        try:
            await self._send(dark(self.count))
        except DriverError as error:
            if known is None:
                _log.warning("LED strip could not be told to go dark: %s", error)
