"""What can go wrong with an asset. The text of each says what to do about it."""

from __future__ import annotations

from collections.abc import Mapping


class ModelError(Exception):
    """Something is wrong with an asset or the manifest."""


class ManifestInvalid(ModelError, ValueError):
    """The manifest is not what its types say."""


class ModelUnknown(ModelError, KeyError):
    """The manifest has no asset of that name."""

    # KeyError shows the repr of its argument; this text is for people.
    __str__ = Exception.__str__


class ModelMissing(ModelError, FileNotFoundError):
    """The asset is not in the store."""


class ModelDamaged(ModelError, ValueError):
    """A file has other bytes than the manifest says."""


class ModelUnavailable(ModelError, ConnectionError):
    """The asset's source can't be reached, or it doesn't have the asset."""


class StoreUnwritable(ModelError, OSError):
    """The folder of the assets can't be written to, or is full."""


class PullFailed(ModelError):
    """One or more assets could not be pulled; the others were, and stay.

    `failures` maps an asset's name to what went wrong with it.
    """

    def __init__(self, failures: Mapping[str, ModelError]) -> None:
        self.failures = dict(failures)
        lines = [f"{name}: {error}" for name, error in self.failures.items()]
        if any(isinstance(error, ModelUnavailable) for error in self.failures.values()):
            lines.append("Without a network: put the files into a folder and name it in KIOSK_MODELS_MIRROR.")
        super().__init__("\n".join(lines))
