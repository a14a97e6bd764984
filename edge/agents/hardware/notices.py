"""Printing notices: each once, when the printer can, whatever happens in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from drivers.errors import DriverError
from drivers.printer import Notice as PrinterNotice
from drivers.printer import PrintUnknown, fate_of
from drivers.states import Condition
from drivers.watching import DeviceWatch
from edge.notices import Notice, NoticeFolder

log = logging.getLogger(__name__)

# A notice's job in the printer's journal; a receipt's is a transaction's or an order's id.
_JOB: Final = "notice:"

Print = Callable[[PrinterNotice], Awaitable[None]]


class NoticeDesk:
    """Prints what waits in `folder` while the printer that `watch` follows isn't absent."""

    def __init__(self, folder: NoticeFolder, print_: Print, watch: DeviceWatch) -> None:
        self._folder = folder
        self._print = print_
        self._watch = watch

    async def work(self, *, every_s: float) -> None:
        """Look for notices every `every_s`, for ever."""
        while True:
            try:
                await self.print_waiting()
            except OSError as error:
                log.warning("notices can't be printed: %s", error)
            await asyncio.sleep(every_s)

    async def print_waiting(self) -> None:
        """Print each notice that waits; what the printer refuses goes on waiting.

        One of which nobody knows whether it was printed counts as printed: a notice more on paper says less than a
        kiosk that prints the same one at every boot.

        Raises:
            OSError: the folder can't be read or changed.
        """
        for notice in await asyncio.to_thread(lambda: list(self._folder.waiting())):
            if (await self._watch.seen()).state.condition is Condition.ABSENT:
                return
            try:
                await self._print(_on_paper(notice))
            except PrintUnknown:
                log.warning("whether the notice %s was printed isn't known; it isn't printed again", notice.id)
            except DriverError as error:
                log.info("the notice %s waits: %s (%s)", notice.id, error, fate_of(error))
                return
            await asyncio.to_thread(self._folder.done, notice)


def _on_paper(notice: Notice) -> PrinterNotice:
    return PrinterNotice(
        title=notice.title,
        lines=tuple(notice.lines),
        qr=notice.qr,
        printed_at=datetime.now(UTC).astimezone(),
        job=f"{_JOB}{notice.id}",
    )
