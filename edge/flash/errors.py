"""What can go wrong with flashing. The text of each says what to do about it."""

from __future__ import annotations


class FlashError(Exception):
    """The image was not written, or not whole."""


class DiskRefused(FlashError):
    """Nothing was written: the disk is in use, the system's own, too small, or not certainly the one that is meant."""


class ImageDamaged(FlashError):
    """The image isn't what its block map or its checksum says."""


class CardFailed(FlashError):
    """The disk did not take what was written, or gives back something else."""
