"""What can go wrong with a fleet's files and commands."""

from __future__ import annotations

from edge.bus.connection import BusError


class FleetError(BusError):
    """It can't be done; the text says why and what to do."""
