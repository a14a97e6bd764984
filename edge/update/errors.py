"""What can go wrong with an update. The text of each says what to do about it."""

from __future__ import annotations


class UpdateError(Exception):
    """The update can't be done, or was not; the kiosk boots what it booted before."""


class SlotRefused(UpdateError):
    """A slot can't be marked so: the kiosk might not boot any more."""


class BundleRefused(UpdateError):
    """The bundle is damaged, not signed by a key this kiosk trusts, or for another kind of kiosk."""


class RaucMissing(UpdateError):
    """RAUC isn't installed, or its service doesn't answer."""
