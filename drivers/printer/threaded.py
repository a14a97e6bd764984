"""Blocking work with a printer in threads of its own, which the event loop can walk away from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from drivers.errors import DeviceLost, DeviceTimeout
from drivers.printer.dialogue import Dialogue

Result = TypeVar("Result")


class Visit:
    """A thread's use of a connection, which the event loop may give up at any moment."""

    def __init__(self, dialogue: Dialogue | None) -> None:
        self.dialogue = dialogue
        self._given_up = False
        self._lock = threading.Lock()

    def take(self, dialogue: Dialogue) -> Dialogue:
        """Go on with `dialogue`.

        Raises:
            DeviceLost: nobody waits for it any more; it is closed.
        """
        with self._lock:
            if not self._given_up:
                self.dialogue = dialogue
                return dialogue
        dialogue.close()
        raise DeviceLost("the printer was given up")

    def leave(self) -> None:
        """Close the connection."""
        with self._lock:
            dialogue, self.dialogue = self.dialogue, None
        if dialogue is not None:
            dialogue.close()

    def give_up(self) -> None:
        """Close the connection under the thread that uses it, without waiting for either."""
        with self._lock:
            self._given_up = True
        threading.Thread(target=self.leave, name="printer-goodbye", daemon=True).start()


async def in_thread(work: Callable[[], Result], limit_s: float) -> Result:
    """Run `work` in a thread of its own, which a stalled device may keep without keeping the process.

    Raises:
        DeviceTimeout: it isn't done within `limit_s`.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if done.cancelled() or done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None only where Result is

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as failure:  # carried over to whoever awaits
            error = failure
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop was closed meanwhile: nobody awaits
            return

    threading.Thread(target=run, name="printer", daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            return await done
    except TimeoutError as error:
        if done.done() and not done.cancelled():
            raise
        raise DeviceTimeout(f"the printer is stalled: nothing happens for {limit_s:g} s") from error
