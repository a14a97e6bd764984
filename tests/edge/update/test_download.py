"""Fetching a bundle: whole, cut off and gone on with, replaced on the server meanwhile, too large."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from edge.update.download import fetch, is_url
from edge.update.errors import UpdateError

CONTENT = bytes(range(256)) * 4096


class Shop:
    """A web server with one bundle, which can break off."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "served.raucb"
        self.path.write_bytes(CONTENT)
        self.break_after: int | None = None
        self.asked: list[str | None] = []

    async def bundle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("Range"))
        if self.break_after is None:
            return web.FileResponse(self.path)
        content = self.path.read_bytes()
        status = self.path.stat()
        tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'  # as FileResponse makes it
        answer = web.StreamResponse(headers={"ETag": tag, "Content-Length": str(len(content))})
        await answer.prepare(request)
        await answer.write(content[: self.break_after])
        assert request.transport is not None
        request.transport.close()
        return answer


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
async def url(shop: Shop) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/kiosk.raucb", shop.bundle)
    async with TestServer(app) as server:
        yield str(server.make_url("/kiosk.raucb"))


def test_an_address_is_told_from_a_file() -> None:
    assert is_url("https://example.com/kiosk.raucb")
    assert not is_url("kiosk.raucb")


async def test_it_arrives_whole_with_its_progress(url: str, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    path = await fetch(url, tmp_path / "here", lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert steps[0] == (0, len(CONTENT))
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_it_goes_on_where_it_was_cut_off(shop: Shop, url: str, tmp_path: Path) -> None:
    shop.break_after = 300_000
    with pytest.raises(UpdateError, match=r"broke off: .*goes on from there"):
        await fetch(url, tmp_path / "here", lambda *_: None)
    shop.break_after = None
    steps: list[tuple[int, int | None]] = []
    path = await fetch(url, tmp_path / "here", lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    begun_at, total = steps[0]
    assert 0 < begun_at <= 300_000
    assert total == len(CONTENT)
    assert shop.asked == [None, f"bytes={begun_at}-"]


async def test_another_version_on_the_server_is_fetched_from_its_beginning(
    shop: Shop, url: str, tmp_path: Path
) -> None:
    shop.break_after = 300_000
    with pytest.raises(UpdateError):
        await fetch(url, tmp_path / "here", lambda *_: None)
    shop.break_after = None
    shop.path.write_bytes(CONTENT[::-1] + b"newer")
    path = await fetch(url, tmp_path / "here", lambda *_: None)
    assert path.read_bytes() == CONTENT[::-1] + b"newer"


async def test_one_that_is_not_there_or_does_not_fit_is_an_error(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UpdateError, match="can't be had: 404"):
        await fetch(f"{url}.old", tmp_path / "here", lambda *_: None)
    full = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr("edge.update.download.shutil.disk_usage", lambda _: full)
    with pytest.raises(UpdateError, match=r"needs 1 MB; .* has 0 MB to spare"):
        await fetch(url, tmp_path / "here", lambda *_: None)


async def test_no_server_is_an_error(tmp_path: Path, unused_tcp_port: int) -> None:
    with pytest.raises(UpdateError, match="broke off"):
        await fetch(f"http://127.0.0.1:{unused_tcp_port}/k.raucb", tmp_path / "here", lambda *_: None)
