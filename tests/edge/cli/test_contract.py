"""`kiosk contract`."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from edge.bus.server import find_server
from edge.contract.asyncapi import asyncapi
from edge.contract.documents import RELEASED, streams
from edge.contract.permissions import SIGNED_IN, USERS

from .conftest import Kiosk

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "contract"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of docs/contract where the command finds it."""
    return Path(shutil.copytree(FOLDER, tmp_path / "docs" / "contract"))


async def test_asyncapi_and_streams_are_json_for_pipes(kiosk: Kiosk) -> None:
    done = await kiosk("contract", "asyncapi")
    assert json.loads(done.out) == asyncapi()
    done = await kiosk("contract", "streams")
    assert json.loads(done.out) == streams()
    done = await kiosk("contract", "streams", "KIOSK_EVENTS")
    assert json.loads(done.out)["name"] == "KIOSK_EVENTS"
    done = await kiosk("contract", "streams", "KIOSK_NONE")
    assert done.code == 2
    assert "KIOSK_COMMANDS" in done.err


async def test_permissions_for_people(kiosk: Kiosk) -> None:
    done = await kiosk("contract", "permissions")
    assert done.code == 0
    for word in (*USERS, "kiosk.input.touch", "$JS.API.STREAM.INFO.KIOSK_EVENTS"):
        assert word in done.out


async def test_permissions_for_the_server(kiosk: Kiosk, tmp_path: Path) -> None:
    done = await kiosk("contract", "permissions", "--nats")
    for user in SIGNED_IN:
        assert f'"PUBLIC_KEY_OF_{user.upper()}"' in done.out
    config = tmp_path / "users.conf"
    config.write_text(done.out.replace("nkey", "user"))  # with names for keys the server takes it as it is
    server = await asyncio.create_subprocess_exec(find_server(), "-t", "-c", config, stderr=asyncio.subprocess.PIPE)
    _, said = await asyncio.wait_for(server.communicate(), 30)
    assert server.returncode == 0, said.decode()


async def test_check_passes_on_fresh_documents_and_names_a_stale_one(kiosk: Kiosk, folder: Path) -> None:
    assert (await kiosk("contract", "write", "--check")).code == 0
    page = folder / "README.md"
    page.write_text(page.read_text().replace("within **2 s**", "within **3 s**"))
    before = page.read_text()
    done = await kiosk("contract", "write", "--check")
    assert done.code == 1
    assert "README.md is stale" in done.out
    assert "asyncapi.json" not in done.out
    assert "kiosk contract write" in done.err
    assert page.read_text() == before


async def test_write_mends_what_is_stale_missing_or_left_over(kiosk: Kiosk, folder: Path) -> None:
    (folder / "README.md").write_text("old")
    (folder / "permissions.json").unlink()
    (folder / "streams" / "KIOSK_OLD.json").write_text("{}")
    done = await kiosk("contract", "write")
    assert done.code == 0, done.err
    assert "3 of" in done.out
    for path in FOLDER.rglob("*"):
        if path.is_file():
            assert (folder / path.relative_to(FOLDER)).read_text() == path.read_text()
    assert not (folder / "streams" / "KIOSK_OLD.json").exists()


async def test_a_broken_promise_is_named_and_nothing_is_written(kiosk: Kiosk, folder: Path) -> None:
    promised = json.loads((folder / RELEASED).read_text())
    promised["commands"]["kiosk.agent.menu.search"]["ask"]["properties"]["spice"] = {"type": "string", "default": ""}
    (folder / RELEASED).write_text(json.dumps(promised))
    (folder / "README.md").write_text("old")
    for options in ((), ("--check",)):
        done = await kiosk("contract", "write", *options)
        assert done.code == 1
        assert "kiosk.agent.menu.search (ask): field `spice` is gone (rule: a field stays)" in done.out
        assert "versions.md" in done.err
    assert (folder / "README.md").read_text() == "old"


async def test_an_allowed_change_becomes_a_promise(kiosk: Kiosk, folder: Path) -> None:
    promised = json.loads((folder / RELEASED).read_text())
    del promised["commands"]["kiosk.agent.menu.search"]["ask"]["properties"]["tags"]  # as if it were new today
    (folder / RELEASED).write_text(json.dumps(promised))
    assert (await kiosk("contract", "write", "--check")).code == 1
    assert (await kiosk("contract", "write")).code == 0
    assert (folder / RELEASED).read_text() == (FOLDER / RELEASED).read_text()


async def test_a_mistake_is_one_clear_line(kiosk: Kiosk, folder: Path, tmp_path: Path) -> None:
    done = await kiosk("contract", "write", "--folder", str(tmp_path / "nowhere"))
    assert done.code == 2
    assert "nowhere is not a folder" in done.err
    for damaged in ("{", "{}", "[]"):
        (folder / RELEASED).write_text(damaged)
        done = await kiosk("contract", "write")
        assert done.code == 1
        assert "messages.json" in done.err
        assert "Traceback" not in done.err
