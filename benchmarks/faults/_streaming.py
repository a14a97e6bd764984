"""What the faults of camera and microphone share: a reader as an agent has it, and a clock on what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Protocol

from benchmarks.faults import PromiseBroken
from drivers.errors import DriverError
from drivers.states import Condition, DeviceState

LOOK_EVERY_S = 0.02
TRY_AGAIN_S = 0.1
BLOCKED_S = 1.0  # of the event loop: a call into a device takes longer
PATIENCE_S = 30.0


class Streaming(Protocol):
    """A camera or a microphone."""

    async def state(self) -> DeviceState:
        """How it is."""

    async def close(self) -> None:
        """Let go of it."""


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started meanwhile have `values` in their environment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Agent:
    """Reads a device for ever, as an agent does; notes each error and each item, and that nobody else stood still."""

    def __init__(
        self,
        device: Streaming,
        items: Callable[[], AsyncIterator[Any]],
        check: Callable[[Any], None],
        *,
        opening_s: float,
    ) -> None:
        self.opening_s = opening_s  # how long it took
        self.device = device
        self.errors: list[DriverError] = []
        self.states: list[DeviceState] = []
        self._items = items
        self._check = check
        self._item_s = 0.0
        self._beats_s: deque[float] = deque(maxlen=round(2 * PATIENCE_S / LOOK_EVERY_S))
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._tick())]

    async def detected_s(self, sign: Callable[[DeviceState], bool] = lambda state: True) -> float:
        """Seconds from now to the first error, or to a state that isn't ready and shows the `sign`."""
        began_s, errors = time.monotonic(), len(self.errors)

        async def seen() -> bool:
            state = await self.device.state()
            self.states.append(state)
            return len(self.errors) > errors or (state.condition is not Condition.READY and sign(state))

        await self._until(seen, "the fault went unnoticed")
        last = self.states[-1]
        if len(self.errors) == errors and not last.reason:
            raise PromiseBroken(f"a state without a reason: {last}")
        return time.monotonic() - began_s

    async def error(self) -> DriverError:
        """The next error."""
        errors = len(self.errors)

        async def seen() -> bool:
            return len(self.errors) > errors

        await self._until(seen, "no error came")
        return self.errors[-1]

    async def recovered_s(self) -> float:
        """Seconds from now until the device is ready, and something came of it that began after now."""
        began_s = time.monotonic()

        async def seen() -> bool:
            return self._item_s > began_s and (await self.device.state()).condition is Condition.READY

        await self._until(seen, "it did not recover")
        return time.monotonic() - began_s

    async def close(self) -> None:
        """Stop reading, and let go of the device."""
        self._ended.set()
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.device.close()
        for end in ended:
            if isinstance(end, Exception):
                raise end

    async def _until(self, seen: Callable[[], Any], broken: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await seen():
                    for task in self._tasks:
                        if task.done():
                            task.result()
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise PromiseBroken(f"{broken} within {PATIENCE_S:g} s") from None

    async def _read(self) -> None:
        while True:
            try:
                async for item in self._items():
                    self._check(item)
                    self._item_s = item.captured_at_s
            except DriverError as error:
                self.errors.append(error)
            await asyncio.sleep(TRY_AGAIN_S)

    def _beat(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self._beats_s.append(time.monotonic())

    async def _tick(self) -> None:
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(LOOK_EVERY_S)
            stood_s = time.monotonic() - began_s
            # Where the thread beside stood still as well, it was this machine's processor that was away.
            beats = sum(beat_s > began_s for beat_s in list(self._beats_s))
            if stood_s > BLOCKED_S and beats > stood_s / LOOK_EVERY_S / 2:
                raise PromiseBroken(f"the event loop stood still for {stood_s:.1f} s")
