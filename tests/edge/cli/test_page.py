"""`kiosk page`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

from aiohttp import ClientSession

from edge.models import Store

from .conftest import Kiosk


async def test_it_serves_the_page_its_mistakes_and_receipts(tmp_path: Path, model_store: Store) -> None:
    (tmp_path / "kiosk.toml").write_text(
        f'[kiosk]\nid = "Shop_7"\ndata_dir = "{tmp_path}"\n[page]\nport = 0\nwebsocket_url = "ws://127.0.0.1:4711"\n'
    )
    (tmp_path / "kiosk" / "notices" / "page").mkdir(parents=True)
    (tmp_path / "kiosk" / "notices" / "page" / "mistakes.json").write_text('{"title": "A mistake"}')
    (tmp_path / "receipts").mkdir()
    (tmp_path / "receipts" / "txn-1.pdf").write_bytes(b"%PDF-1.4")
    assert model_store.path("nats_ws").is_file()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge", "page", "--config", str(tmp_path / "kiosk.toml"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, line
        async with ClientSession(found[0]) as session:
            async with session.get("/config.json") as answer:
                told = await answer.json()
            assert (told["kiosk_id"], told["websocket_url"]) == ("Shop_7", "ws://127.0.0.1:4711")
            async with session.get("/mistakes.json") as answer:
                assert await answer.json() == {"title": "A mistake"}
            async with session.get("/receipts/txn-1.pdf") as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_model_that_is_missing_is_said_in_a_line(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "kiosk.toml").write_text(f'[models]\nfolder = "{tmp_path}"\n')
    done = await kiosk("page", "--config", "kiosk.toml", HOME=os.environ.get("HOME", "/"))
    assert done.code == 1
    assert "nats_ws" in done.err
    assert "Traceback" not in done.err
