"""`kiosk firstboot` and `kiosk ticket` as commands."""

from __future__ import annotations

from pathlib import Path

from edge.bus import EmbeddedServer
from edge.config import load, parse

from .conftest import Kiosk


async def test_it_takes_the_files_and_tells_of_mistakes(kiosk: Kiosk, tmp_path: Path) -> None:
    for folder in ("card", "data", "trial/etc"):
        (tmp_path / folder).mkdir(parents=True)
    options = ("--boot", "card", "--data", "data", "--root", "trial")
    (tmp_path / "card" / "kiosk.toml").write_text('[kiosk]\nid = "Shop_7"\n')
    done = await kiosk("firstboot", *options)
    assert (done.code, done.out) == (0, "Shop_7, kiosk-edge 0.1.0: kiosk.toml taken from card\n")
    assert load(tmp_path / "data" / "kiosk" / "kiosk.toml").kiosk.id == "Shop_7"
    (tmp_path / "card" / "kiosk.toml").write_text("[kiosk]\nid = Shop_8\n")
    done = await kiosk("firstboot", *options)
    assert done.code == 0
    assert "mistake: kiosk.toml, line 2: the value of id has no quotes around it" in done.err
    assert done.out.startswith("Shop_7, ")


async def test_the_example_is_a_kiosk_toml(kiosk: Kiosk) -> None:
    done = await kiosk("firstboot", "--example")
    assert parse(done.out).kiosk.id == "kiosk-001"


async def test_without_a_data_partition_it_says_so(kiosk: Kiosk, tmp_path: Path) -> None:
    done = await kiosk("firstboot", "--boot", "card", "--data", "nowhere", "--root", "trial")
    assert done.code == 1
    assert "no data partition at nowhere" in done.err


async def test_data_that_cant_be_used_is_said_in_a_line(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "data" / "kiosk" / "kiosk.toml").mkdir(parents=True)
    (tmp_path / "trial" / "etc").mkdir(parents=True)
    done = await kiosk("firstboot", "--boot", "card", "--data", "data", "--root", "trial")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "kiosk.toml" in done.err


async def test_the_ticket_tells_of_a_kiosk_without_agents_to_serve(
    kiosk: Kiosk, tmp_path: Path, nats_server: EmbeddedServer
) -> None:
    (tmp_path / "data" / "kiosk").mkdir(parents=True)
    (tmp_path / "card").mkdir()
    (tmp_path / "data" / "kiosk" / "kiosk.toml").write_text('[kiosk]\nid = "Shop_7"\n[monitor]\nagents = []\n')
    done = await kiosk(
        "ticket",
        "--boot",
        "card",
        "--data",
        "data",
        "--url",
        nats_server.url,
        "--network",
        "0",
    )
    assert done.code == 0, done.err
    assert "Shop_7, serving" in (tmp_path / "card" / "STATUS.txt").read_text("utf-8-sig")
    assert (tmp_path / "data" / "kiosk" / "notices" / "status-0.1.0.json").exists()
