"""The folder that holds the assets: finding, checking and pulling them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.models.checked import check, make_ready
from edge.models.errors import ModelDamaged, ModelError, ModelMissing, ModelUnavailable, PullFailed
from edge.models.folders import default_folder, default_mirror
from edge.models.manifest import Asset, Manifest
from edge.models.progress import Report
from edge.models.pull import Pull, Pulled, download_of

_AT_ONCE = 3


@dataclass(frozen=True)
class Finding:
    """What `Store.verify` found of one asset; `words` are for people, and say what to do if it isn't good."""

    name: str
    state: Literal["good", "missing", "damaged"]
    words: str


class Store:
    """A folder of checked files. Several processes may read it and pull into it at once.

    Without a folder it is the one `default_folder` gives; without a manifest the one that ships.
    """

    def __init__(self, folder: Path | None = None, manifest: Manifest | None = None) -> None:
        self.folder = folder or default_folder()
        self.manifest = manifest or Manifest.load()

    def path(self, name: str) -> Path:
        """The file of the asset `name`, read and checked (CenterFace's 7 MB take about 15 ms).

        Raises:
            ModelUnknown: the manifest has no such asset.
            ModelMissing: it is not here; the text says how to get it.
            ModelDamaged: it is here and can't be read or has other bytes; the text says how to get it again.
        """
        asset = self.manifest[name]
        path = self.folder / asset.file
        try:
            check(path, asset)
        except FileNotFoundError:
            raise ModelMissing(f"{asset.file} is not in {self.folder}; run: kiosk models pull {name}") from None
        except OSError as error:
            raise ModelDamaged(f"{path} can't be read: {error.strerror}") from error
        except ModelDamaged as error:
            raise ModelDamaged(f"{error}; run: kiosk models pull {name}") from None
        return path

    def verify(self, names: Iterable[str] | None = None) -> list[Finding]:
        """Check the named assets; without names, the default ones and whatever else is here.

        Raises:
            ModelUnknown: the manifest has no asset of a given name.
        """
        if names is None:
            names = [a.name for a in self.manifest.assets if a.default or (self.folder / a.file).exists()]
        return [self._find(name) for name in names]

    async def pull(
        self,
        names: Iterable[str] | None = None,
        *,
        mirror: Path | None = None,
        progress: Report | None = None,
    ) -> list[Pulled]:
        """Bring the named assets (without names, the default ones) into the folder, at most 3 at once.

        What is here and good is kept. A file that the folder `mirror` has (by default the folder that the
        environment variable KIOSK_MODELS_MIRROR names) is taken from there instead of its source, and checked
        all the same. `progress` is called on the event loop with each step.

        Raises:
            ModelUnknown: the manifest has no asset of a given name; nothing was pulled.
            PullFailed: some could not be pulled. Nothing is kept of those; the others are in the folder.
        """
        chosen = self.manifest.defaults if names is None else [self.manifest[n] for n in dict.fromkeys(names)]
        mirror = mirror or default_mirror()
        try:
            if mirror and not mirror.is_dir():
                raise ModelUnavailable(f"the mirror {mirror} is not a folder")
            await asyncio.to_thread(make_ready, self.folder)
        except ModelError as error:
            raise PullFailed({asset.name: error for asset in chosen}) from error

        downloads: dict[Hashable, list[Asset]] = {}
        for asset in chosen:
            downloads.setdefault(download_of(asset.source), []).append(asset)
        turns = asyncio.Semaphore(_AT_ONCE)
        report = progress or (lambda _step: None)
        pulls = [Pull(assets, self.folder, mirror, report).run(turns) for assets in downloads.values()]
        outcomes = await asyncio.gather(*pulls)

        failures = {name: error for outcome in outcomes for name, error in outcome.failures.items()}
        if failures:
            raise PullFailed(failures)
        return [pulled for outcome in outcomes for pulled in outcome.pulled]

    def _find(self, name: str) -> Finding:
        try:
            path = self.path(name)
        except ModelMissing as error:
            return Finding(name, "missing", str(error))
        except ModelDamaged as error:
            return Finding(name, "damaged", str(error))
        return Finding(name, "good", f"{path.name}: {path.stat().st_size} bytes, checksum good")
