"""The manifest as types: which assets there are, what identifies each, and where its public copy is."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.models.errors import ManifestInvalid, ModelUnknown

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_]*$")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]  # no folder, not hidden
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
# A package and a version become a program's arguments: neither may look like an option.
Package = Annotated[str, msgspec.Meta(pattern=r"^(@[a-z0-9][a-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9][A-Za-z0-9.+-]*$")]


class Wheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which wheel of a platform-specific package to read, the same one on every machine."""

    python: Annotated[str, msgspec.Meta(pattern=r"^3\.[0-9]+$")]
    abi: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]+$")]
    platform: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]+$")]


class PypiSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="from", tag="pypi"):
    """A member of a wheel; `wheel` is None for a package with one wheel for all."""

    package: Package
    version: Version
    member: Text
    wheel: Wheel | None = None


class NpmSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="from", tag="npm"):
    """A member of an npm package's archive."""

    package: Package
    version: Version
    member: Text


class WebSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="from", tag="web"):
    """A file at a public address."""

    address: Annotated[str, msgspec.Meta(pattern=r"^https://[^/\s]+/\S+$")]


Source = PypiSource | NpmSource | WebSource


class Asset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file a kiosk can hold. `bytes` and `sha256` are its identity, whatever it was pulled from."""

    name: Name
    kind: Literal["model", "picture", "voice", "page"]
    file: FileName
    bytes: Annotated[int, msgspec.Meta(gt=0)]
    sha256: Sha256
    licence: Text
    licence_note: str = ""
    purpose: Text
    default: bool
    source: Source


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    asset: list[Asset]


class Manifest:
    """The assets by name, in the manifest's order."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._assets: dict[str, Asset] = {}
        for asset in assets:
            if asset.name in self._assets:
                raise ManifestInvalid(f"two assets are called {asset.name!r}")
            if asset.file in {other.file for other in self._assets.values()}:
                raise ManifestInvalid(f"two assets have the file {asset.file!r}")
            self._assets[asset.name] = asset

    @classmethod
    def load(cls, path: Path | None = None) -> Manifest:
        """Read the manifest at `path`, by default the one that ships with this package.

        Raises:
            ManifestInvalid: it can't be read, or a field is unknown, missing or wrong; the text names it.
        """
        where = str(path) if path else "manifest.toml"
        try:
            text = (path or files("edge.models").joinpath("manifest.toml")).read_bytes()
            document = msgspec.toml.decode(text, type=_Document)
        except (OSError, msgspec.DecodeError) as error:  # a ValidationError is a DecodeError
            raise ManifestInvalid(f"{where}: {error}") from error
        return cls(document.asset)

    @property
    def assets(self) -> list[Asset]:
        """All assets."""
        return list(self._assets.values())

    @property
    def defaults(self) -> list[Asset]:
        """The assets that a pull without names brings."""
        return [asset for asset in self._assets.values() if asset.default]

    def __getitem__(self, name: str) -> Asset:
        """The asset called `name`.

        Raises:
            ModelUnknown: there is none; the text lists those there are.
        """
        try:
            return self._assets[name]
        except KeyError:
            raise ModelUnknown(f"no asset is called {name!r}; the manifest has: {', '.join(self._assets)}") from None
