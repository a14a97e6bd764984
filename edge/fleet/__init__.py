"""A fleet of kiosks and its hub: who belongs to it, what arrived of whom, what was lost, and questions to one kiosk."""

from edge.fleet.errors import FleetError

__all__ = ["FleetError"]
