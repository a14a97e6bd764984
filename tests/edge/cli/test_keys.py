"""`kiosk bus keys`, and `kiosk bus` on a bus that wants them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.keys import key_path, public_keys
from edge.contract.permissions import SIGNED_IN

from .conftest import Kiosk


async def test_it_makes_keys_once_and_replaces_only_what_it_is_told_to(kiosk: Kiosk, tmp_path: Path) -> None:
    made = await kiosk("bus", "keys", "--dir", "keys")
    assert made.code == 0, made.err
    before = public_keys(tmp_path / "keys")
    for user in SIGNED_IN:
        assert before[user] in made.out
        assert stat.S_IMODE(key_path(tmp_path / "keys", user).stat().st_mode) == 0o600
    assert "written anew" in made.out
    again = await kiosk("bus", "keys", "--dir", "keys", "--rotate", "menu", "--rotate", "voice")
    after = public_keys(tmp_path / "keys")
    assert {user for user in SIGNED_IN if after[user] != before[user]} == {"menu", "voice"}
    assert again.out.count("replaced") == 2
    every = await kiosk("bus", "keys", "--rotate", "all", KIOSK_BUS_KEYS="keys")
    assert every.out.count("replaced") == len(SIGNED_IN)
    kept = await kiosk("bus", "keys", "--dir", "keys")
    assert kept.out.count("kept") == len(SIGNED_IN)
    assert "as it was" in kept.out


async def test_kiosk_toml_says_where_the_keys_are(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "kiosk.toml").write_text('[kiosk]\ndata_dir = "data"\n', encoding="utf-8")
    done = await kiosk("bus", "keys", "--config", "kiosk.toml", "--conf", "for-the-server.conf")
    assert done.code == 0, done.err
    assert set(public_keys(tmp_path / "data" / "keys")) == set(SIGNED_IN)
    assert (tmp_path / "for-the-server.conf").is_file()
    assert not (tmp_path / "data" / "keys" / "nats-auth.conf").exists()


async def test_what_can_not_be_used_is_said_in_a_line(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "loose").mkdir(mode=0o755)
    refused = await kiosk("bus", "keys", "--dir", "loose")
    assert (refused.code, refused.out) == (1, "")
    assert "others may look into the folder of keys loose (mode 0755): chmod 700 it" in refused.err
    nobody = await kiosk("bus", "keys", "--dir", "keys", "--rotate", "stranger")
    assert nobody.code == 1
    assert "no user 'stranger'" in nobody.err
    assert not (tmp_path / "keys").exists()


async def test_the_operator_signs_in(kiosk: Kiosk, tmp_path: Path) -> None:
    await kiosk("bus", "keys", "--dir", "keys")
    async with EmbeddedServer(tmp_path / "nats", public_keys=public_keys(tmp_path / "keys")) as server:
        monitor = Client(server.url, name="monitor", key_file=key_path(tmp_path / "keys", "monitor"))
        await monitor.connect(wait_s=10, setup=True)
        await monitor.close()
        say = ("publish", "kiosk.vision.person_detected", '{"event":"person_detected"}', "--url", server.url)
        refused = await kiosk("bus", *say)
        assert refused.code == 1
        assert "wants a key of operator" in refused.err
        assert (await kiosk("bus", "--keys", "keys", *say)).out == "stored\n"
        assert (await kiosk("bus", *say, KIOSK_BUS_KEYS="keys")).out == "stored\n"
        await kiosk("bus", "keys", "--dir", "keys", "--rotate", "operator")
        stale = await kiosk("bus", "--keys", "keys", *say)
        assert stale.code == 1
        assert "refuses operator's key" in stale.err
        key_path(tmp_path / "keys", "operator").write_text("SUAB", encoding="ascii")
        damaged = await kiosk("bus", "--keys", "keys", *say)
        assert damaged.code == 1
        assert "operator.nk is damaged" in damaged.err
        assert "Traceback" not in damaged.err + stale.err + refused.err


@pytest.mark.usefixtures("model_store")
async def test_the_whole_story_is_told_with_keys(kiosk: Kiosk, tmp_path: Path) -> None:
    done = await kiosk("virtual", "--story", "--keys", "--data-dir", "data")
    assert done.code == 0, done.out + done.err
    assert "The story is told" in done.out
    assert done.err == "", "no permission was missing"
    assert set(public_keys(tmp_path / "data" / "keys")) == set(SIGNED_IN)
