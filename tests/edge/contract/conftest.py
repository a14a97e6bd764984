"""AsyncAPI's own schema and parser, from their npm packages, checked like a model."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.models import Manifest, ModelError, Store
from edge.models.manifest import Asset, NpmSource

ASSETS = Manifest(
    [
        Asset(
            name="asyncapi_schema",
            kind="page",
            file="asyncapi-3.0.0.json",
            bytes=397_860,
            sha256="d4571a420e6ffb7fcc7066c95a6db1202f299a3c51daa103d0706bf30f95e626",
            licence="Apache-2.0",
            purpose="AsyncAPI's JSON schema of a 3.0.0 document",
            default=True,
            source=NpmSource(package="@asyncapi/specs", version="6.11.1", member="package/schemas/3.0.0.json"),
        ),
        Asset(
            name="asyncapi_parser",
            kind="page",
            file="asyncapi-parser-3.6.3.js",
            bytes=2_183_079,
            sha256="65800252cec47440add4cfe72120173e3da09681edc06282669b854ada431f97",
            licence="Apache-2.0",
            purpose="AsyncAPI's official parser, in one file; node runs it",
            default=True,
            source=NpmSource(package="@asyncapi/parser", version="3.6.3", member="package/browser/index.js"),
        ),
    ]
)


def skip_or_fail(reason: str) -> None:
    """Skip, except on a CI machine: there the check must be made."""
    if os.environ.get("CI"):
        pytest.fail(f"on CI this may not skip: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def asyncapi_tool() -> Callable[[str], Path]:
    """The path of an asset, pulled the first time (npm's own client, by way of `kiosk models`)."""
    store = Store(Path(sys.prefix) / "asyncapi", ASSETS)

    def find(name: str) -> Path:
        try:
            return store.path(name)
        except ModelError:
            pass
        try:
            asyncio.run(store.pull([name]))
        except ModelError as error:
            skip_or_fail(f"{name} can't be pulled: {error}")
        return store.path(name)

    return find
