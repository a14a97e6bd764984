"""Named moments at which a process can be made to die or to stand still: how a crash is put where it hurts most.

A module says where its moments are::

    CAPTURED = crash_point("payment.captured-written", "the journal says captured; nobody was told")
    ...
    CAPTURED()

and whoever starts the process chooses one by its environment: ``KIOSK_CRASH_AT=payment.captured-written`` ends it
there by SIGKILL, ``KIOSK_STOP_AT=...`` stops it there once by SIGSTOP, until someone sends SIGCONT: long enough to
kill a neighbour at that very moment. Without them a point is a function that does nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

CRASH_AT = "KIOSK_CRASH_AT"
STOP_AT = "KIOSK_STOP_AT"

_points: dict[str, str] = {}


def crash_point(name: str, moment: str) -> Callable[[], None]:
    """The point `name`, at the moment that `moment` describes; call what is returned when it has come.

    Raises:
        ValueError: there is a point of that name already.
    """
    if name in _points:
        raise ValueError(f"there are two crash points called {name!r}")
    _points[name] = moment
    if os.environ.get(CRASH_AT) == name:
        return _die
    if os.environ.get(STOP_AT) == name:
        return _Stop()
    return _go_on


def crash_points() -> Mapping[str, str]:
    """All points of the modules that were imported so far: name and moment, in the order they were made."""
    return dict(_points)


def _go_on() -> None:
    """Nobody wants this point."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Stop:
    """Stands still at the first pass only: whoever lets it go on wants it to go on."""

    def __init__(self) -> None:
        self._passed = False

    def __call__(self) -> None:
        if not self._passed:
            self._passed = True
            os.kill(os.getpid(), signal.SIGSTOP)
