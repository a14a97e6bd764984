"""Models, pictures and the page's client: what a kiosk needs besides its code, each with a checksum."""

from __future__ import annotations

from edge.models.errors import (
    ManifestInvalid,
    ModelDamaged,
    ModelError,
    ModelMissing,
    ModelUnavailable,
    ModelUnknown,
    PullFailed,
    StoreUnwritable,
)
from edge.models.manifest import Asset, Manifest
from edge.models.progress import Progress, progress_bars
from edge.models.pull import Pulled
from edge.models.store import Finding, Store

__all__ = [
    "Asset",
    "Finding",
    "Manifest",
    "ManifestInvalid",
    "ModelDamaged",
    "ModelError",
    "ModelMissing",
    "ModelUnavailable",
    "ModelUnknown",
    "Progress",
    "PullFailed",
    "Pulled",
    "Store",
    "StoreUnwritable",
    "progress_bars",
]
