"""Sees that a strip goes dark when its program doesn't live to do it: a WS2812 shows its last frame for ever.

A shell waits at the end of a pipe; it takes a megabyte and no time. When the program closes the strip it says so.
When it is killed instead, the kernel closes the pipe, and the shell becomes `python -m drivers.leds.dark`.
What also kills the shell, as a service manager does that ends all of a service's processes, is for the
manager to follow with the same command (systemd: ``ExecStopPost=``).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import Final

from drivers.leds.threaded import BlockingStrip

_DISMISSED_S: Final = 2.0

# The guard outlives the signals that ask the program to end, which may yet fail to.
_SCRIPT: Final = 'trap "" INT TERM HUP; read -r parting || exec "$0" -m drivers.leds.dark "$1"'


class Guard:
    """Watches over the strip at `url` until it is dismissed or this process ends."""

    def __init__(self, url: str) -> None:
        mine, self._word = os.pipe()
        try:
            self._shell = subprocess.Popen(
                ["sh", "-c", _SCRIPT, sys.executable, url],
                stdin=mine,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            os.close(self._word)
            raise
        finally:
            os.close(mine)

    @property
    def pid(self) -> int:
        """The process that watches."""
        return self._shell.pid

    def dismiss(self) -> None:
        """The strip is dark: nothing is left to watch over."""
        if self._word < 0:
            return
        with contextlib.suppress(BrokenPipeError):  # it was killed: then it has gone already
            os.write(self._word, b"dark\n")
        os.close(self._word)
        self._word = -1
        try:
            self._shell.wait(_DISMISSED_S)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()


class GuardedStrip:
    """A strip with a guard of its own."""

    def __init__(self, strip: BlockingStrip, url: str) -> None:
        self._strip = strip
        self._guard = Guard(url)

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return self._strip.count

    def show(self, pixels: bytes) -> None:
        """Send a frame.

        Raises:
            DriverError: it could not be sent.
        """
        self._strip.show(pixels)

    def close(self) -> None:
        """Let go of the device and of the guard."""
        try:
            self._strip.close()
        finally:
            self._guard.dismiss()
