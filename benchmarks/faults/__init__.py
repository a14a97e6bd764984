"""Faults of peripherals: how soon each is noticed, how soon it is over, and whether a promise was kept through it.

A peripheral's faults are the `FAULTS` of its module here, struck at the lowest level that this world allows: the real
library, and a simulated device behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One strike: seconds from the fault to its clear error or state, and from its end to the device working again."""

    detected_s: float
    recovered_s: float


class PromiseBroken(AssertionError):
    """A receipt was printed twice, a tap was made up, a fault went unnoticed; the text says which."""


@dataclass(frozen=True)
class Fault:
    """Something that happens in a lobby.

    `strike` sets the peripheral up, lets the fault happen, ends it, uses the device again, and cleans up; it raises
    PromiseBroken when more happened than that. It is noticed within `bound_s` and over within `recovery_bound_s`
    after its end, or the fault counts as missed. `missing` says why this machine can't strike it, if it can't.
    """

    name: str
    bound_s: float
    recovery_bound_s: float
    strike: Callable[[], Awaitable[Outcome]]
    missing: Callable[[], str | None] = lambda: None
