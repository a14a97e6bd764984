"""Pulling from mirrors, packages and web addresses; what goes wrong, and what is left after it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from edge.models import ModelDamaged, ModelUnknown, Progress, PullFailed, Store
from edge.models.errors import StoreUnwritable
from edge.models.manifest import WebSource
from tests.edge.models.assets import CONTENT, asset, left_in, store_of, wheel_source, write

# From a mirror


@pytest.mark.parametrize("place", ["lamp.onnx", "models/lamp.onnx"])
async def test_a_mirror_is_looked_in_before_the_source(tmp_path: Path, place: str) -> None:
    write(tmp_path / "mirror" / place)
    store = store_of(tmp_path, asset())
    (pulled,) = await store.pull(mirror=tmp_path / "mirror")
    assert (pulled.name, pulled.origin) == ("lamp", "mirror")
    assert store.path("lamp") == pulled.path
    assert left_in(store.folder) == ["lamp.onnx"]
    assert pulled.path.stat().st_mode & 0o777 == 0o644


async def test_the_environment_can_name_the_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mirror/lamp.onnx")
    monkeypatch.setenv("KIOSK_MODELS_MIRROR", str(tmp_path / "mirror"))
    (pulled,) = await store_of(tmp_path, asset()).pull()
    assert pulled.origin == "mirror"


@pytest.mark.parametrize("content", [CONTENT[:-10], CONTENT[::-1], CONTENT + b"more", b""])
async def test_a_wrong_file_in_a_mirror_is_an_error_and_nothing_of_it_is_kept(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "mirror/lamp.onnx", content)
    write(tmp_path / "mirror/torch.onnx", b"torch")
    store = store_of(tmp_path, asset(), asset("torch", b"torch"))
    with pytest.raises(PullFailed, match=r"mirror/lamp\.onnx has ") as caught:
        await store.pull(mirror=tmp_path / "mirror")
    assert list(caught.value.failures) == ["lamp"]
    assert isinstance(caught.value.failures["lamp"], ModelDamaged)
    assert left_in(store.folder) == ["torch.onnx"]


async def test_a_failed_pull_leaves_the_good_file_of_before_alone(tmp_path: Path) -> None:
    store = store_of(tmp_path, asset())
    write(store.folder / "lamp.onnx")
    write(tmp_path / "mirror/lamp.onnx", b"wrong")
    (pulled,) = await store.pull(mirror=tmp_path / "mirror")
    assert pulled.origin == "held"
    assert store.path("lamp").read_bytes() == CONTENT


async def test_a_mirror_that_is_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match=r"the mirror .*absent is not a folder"):
        await store_of(tmp_path, asset()).pull(mirror=tmp_path / "absent")


@pytest.mark.usefixtures("offline")
async def test_a_pull_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    store = store_of(tmp_path, asset(), asset("torch", b"torch", wheel_source("torch", "kiosk-torch")))
    write(tmp_path / "mirror/lamp.onnx")
    write(store.folder / "torch.onnx", b"to")  # cut off by a power failure
    write(store.folder / ".pull-old", b"half a lamp")
    week_ago = time.time() - 7 * 24 * 3600
    os.utime(store.folder / ".pull-old", (week_ago, week_ago))
    with pytest.raises(PullFailed) as caught:
        await store.pull(mirror=tmp_path / "mirror")
    assert list(caught.value.failures) == ["torch"]
    assert left_in(store.folder) == ["lamp.onnx", "torch.onnx"]

    write(tmp_path / "mirror/torch.onnx", b"torch")
    assert {p.name: p.origin for p in await store.pull(mirror=tmp_path / "mirror")} == {
        "lamp": "held",
        "torch": "mirror",
    }
    assert [f.state for f in store.verify()] == ["good", "good"]


async def test_only_what_is_asked_for_is_pulled(tmp_path: Path) -> None:
    write(tmp_path / "mirror/lamp.onnx")
    write(tmp_path / "mirror/spare.onnx", b"spare")
    store = store_of(tmp_path, asset(), asset("spare", b"spare", default=False))
    assert [p.name for p in await store.pull(mirror=tmp_path / "mirror")] == ["lamp"]
    assert [p.name for p in await store.pull(["spare"], mirror=tmp_path / "mirror")] == ["spare"]
    with pytest.raises(ModelUnknown, match="moon"):
        await store.pull(["moon"], mirror=tmp_path / "mirror")


async def test_at_most_three_downloads_run_at_once(tmp_path: Path) -> None:
    assets = [asset(f"lamp{n}", source=wheel_source("lamp", f"kiosk-lamp{n}")) for n in range(7)]
    for one in assets:
        write(tmp_path / "mirror" / one.file)
    running: set[tuple[str, ...]] = set()
    most = 0

    def count(step: Progress) -> None:
        nonlocal most
        if step.phase == "checking":
            running.add(step.names)
        elif step.phase == "done":
            running.discard(step.names)
        most = max(most, len(running))

    await store_of(tmp_path, *assets).pull(mirror=tmp_path / "mirror", progress=count)
    assert most == 3
    assert not running


async def test_a_folder_that_cant_be_written_is_a_clear_error(tmp_path: Path) -> None:
    write(tmp_path / "store", b"a file in the folder's place")
    with pytest.raises(PullFailed, match="can't be written to") as caught:
        await store_of(tmp_path, asset()).pull()
    assert isinstance(caught.value.failures["lamp"], StoreUnwritable)


PULLER = """
import asyncio, sys
from pathlib import Path
from edge.models import Manifest, ModelMissing, Store
store = Store(Path(sys.argv[1]), Manifest.load(Path(sys.argv[2])))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(15):
    (store.folder / "lamp.onnx").unlink(missing_ok=True)
    asyncio.run(store.pull(mirror=Path(sys.argv[3])))
    try:
        store.path("lamp")
    except ModelMissing:
        pass  # another one has just removed it; a damaged one is what must not be
"""


async def test_pulls_of_several_processes_never_show_each_other_half_a_file(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    lamp = asset(content=content)
    write(tmp_path / "mirror/lamp.onnx", content)
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(
        f'[[asset]]\nname = "lamp"\nkind = "model"\nfile = "lamp.onnx"\nbytes = {lamp.bytes}\n'
        f'sha256 = "{lamp.sha256}"\nlicence = "CC0-1.0"\npurpose = "tests"\ndefault = true\n'
        'source = { from = "pypi", package = "kiosk-lamp", version = "1.0", member = "lamp" }\n',
        encoding="utf-8",
    )
    arguments = [str(tmp_path / "store"), str(manifest), str(tmp_path / "mirror")]
    pullers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PULLER, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        for _ in range(3)
    ]
    for puller in pullers:  # all have imported and wait: they set off together
        assert puller.stdout is not None
        assert await puller.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(puller.communicate(b"go\n") for puller in pullers))
    assert [puller.returncode for puller in pullers] == [0, 0, 0], said
    assert left_in(tmp_path / "store") == ["lamp.onnx"]
    assert (tmp_path / "store/lamp.onnx").read_bytes() == content


@pytest.mark.usefixtures("offline")
async def test_offline_and_nothing_here_says_so_and_what_to_do(tmp_path: Path) -> None:
    store = store_of(tmp_path, asset())
    with pytest.raises(PullFailed, match=r"could not download kiosk-lamp==1\.0") as caught:
        await store.pull()
    assert "can't be reached" in str(caught.value)
    assert "KIOSK_MODELS_MIRROR" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert left_in(store.folder) == []


# From a web address


async def serve(content: bytes, *, status: int = 200) -> TestServer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=content, status=status)

    app = web.Application()
    app.router.add_get("/lamp.onnx", answer)
    server = TestServer(app)
    await server.start_server()
    return server


async def pull_from_web(tmp_path: Path, content: bytes, *, status: int = 200) -> tuple[Store, list[Progress]]:
    server = await serve(content, status=status)
    steps: list[Progress] = []
    try:
        source = WebSource(address=str(server.make_url("/lamp.onnx")))
        store = store_of(tmp_path, asset(source=source))
        await store.pull(progress=steps.append)
    finally:
        await server.close()
    return store, steps


async def test_a_file_is_pulled_from_its_address(tmp_path: Path) -> None:
    store, steps = await pull_from_web(tmp_path, CONTENT)
    assert store.path("lamp").read_bytes() == CONTENT
    assert left_in(store.folder) == ["lamp.onnx"]
    assert Progress(("lamp",), "downloading", len(CONTENT), len(CONTENT)) in steps
    assert steps[-1] == Progress(("lamp",), "done", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (CONTENT[:-1], 200, "has 102399 bytes, not 102400"),
        (CONTENT[::-1], 200, "checksum"),
        (CONTENT + b"x", 200, "more than 102400 bytes"),
        (b"", 404, "HTTP 404"),
    ],
)
async def test_an_address_with_something_else_is_refused(
    tmp_path: Path, content: bytes, status: int, words: str
) -> None:
    with pytest.raises(PullFailed, match=words):
        await pull_from_web(tmp_path, content, status=status)
    assert left_in(tmp_path / "store") == []


async def test_the_manifests_web_models_are_those_of_the_test_data(tmp_path: Path, shared_data: Path) -> None:
    store = Store(tmp_path / "store")
    names = [model.name for model in store.manifest.assets if isinstance(model.source, WebSource)]
    pulled = await store.pull(names, mirror=shared_data / "models")
    assert [(p.name, p.origin) for p in pulled] == [(name, "mirror") for name in names]
