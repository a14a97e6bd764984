"""Telling systemd how a service is (sd_notify(3)), and that it is alive (WatchdogSec=, sd_watchdog_enabled(3)).

The protocol is a datagram of a few words. Of the libraries, sdnotify was last changed in 2017, has no types, and writes
an error where it can't send; cysystemd and systemd-python bind libsystemd, and need its headers and a compiler on a Pi.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Final

log = logging.getLogger(__name__)

# What has to be alive for the whole to be: within how many seconds it has to say so, and why it isn't, or None.
Probe = Callable[[float], Awaitable[str | None]]

STARTING_S: Final = 5.0  # how often systemd is asked for more time while the service starts
_MORE_TIME_S: Final = 30
_SEND_S: Final = 1.0


class Supervisor:
    """systemd, if it started us and wants to hear; otherwise nobody, and nothing is sent.

    `watchdog_s` is after how long without a sign of life it ends the service.
    """

    def __init__(self, address: str | None, watchdog_s: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address
        self.watchdog_s = watchdog_s if address else None

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> Supervisor:
        """What `environment` says; it is taken out, for it isn't meant for processes that we start."""
        address = environment.pop("NOTIFY_SOCKET", None)
        wait_us, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        watched = wait_us.isdecimal() and int(wait_us) > 0 and pid in ("", str(os.getpid()))
        return cls(address, int(wait_us) / 1e6 if watched else None)

    def tell(self, *lines: str) -> None:
        """Send one message, such as ``READY=1``. One that can't be sent is dropped: a busy systemd is no fault here."""
        if self._address is None:
            return
        message = "\n".join(line.replace("\n", " ") for line in lines).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(_SEND_S)
                line.sendto(message, self._address)
        except OSError as error:
            log.warning("systemd couldn't be told %s: %s", lines[0], error)

    def status(self, words: str) -> None:
        """What ``systemctl status`` shows."""
        self.tell(f"STATUS={words}")

    def ready(self, words: str) -> None:
        """The service serves."""
        self.tell("READY=1", f"STATUS={words}")

    def stopping(self) -> None:
        """The service ends."""
        self.tell("STOPPING=1", "STATUS=ending")

    @contextlib.asynccontextmanager
    async def starting(self) -> AsyncIterator[Callable[[], object]]:
        """Ask for more time until what this gives is called: an agent waits for the bus, and may do so for ever.

        It asks for as long as the event loop turns.
        """
        asking = asyncio.create_task(self._ask_for_time())
        try:
            yield asking.cancel
        finally:
            asking.cancel()

    @contextlib.asynccontextmanager
    async def watching(self, *probes: Probe) -> AsyncIterator[None]:
        """Give a sign of life for as long as the event loop turns and all `probes` find nothing."""
        if self.watchdog_s is None:
            yield
            return
        signs = asyncio.create_task(self._give_signs(self.watchdog_s, probes))
        try:
            yield
        finally:
            signs.cancel()

    async def _ask_for_time(self) -> None:
        while self._address is not None:
            self.tell(f"EXTEND_TIMEOUT_USEC={_MORE_TIME_S * 1_000_000}")
            await asyncio.sleep(STARTING_S)

    async def _give_signs(self, watchdog_s: float, probes: tuple[Probe, ...]) -> None:
        # At half the time, as systemd advises. A probe takes at most a quarter of it, so that one that has failed can
        # be tried again before the time is over.
        said = ""
        while True:
            reasons = await asyncio.gather(*(_asked(probe, watchdog_s / 8) for probe in probes))
            reason = next((each for each in reasons if each is not None), "")
            if not reason:
                self.tell("WATCHDOG=1")
            if reason != said:
                said = reason
                log.error("no sign of life to systemd: %s", reason) if reason else log.warning("alive again")
                self.status(f"stuck: {reason}" if reason else "serving")
            await asyncio.sleep(watchdog_s / (8 if reason else 2))


async def _asked(probe: Probe, within_s: float) -> str | None:
    """What `probe` finds; a fault in it is no sign of life either."""
    try:
        return await probe(within_s)
    except Exception as error:
        log.exception("a probe has a fault")
        return f"{type(error).__name__} in a probe"
