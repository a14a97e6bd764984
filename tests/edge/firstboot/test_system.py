"""What of the configuration is the system's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edge.bus.keys import public_key
from edge.firstboot import system
from edge.firstboot.durable import make_folder, put
from edge.firstboot.system import draw_keys, hostname_of, set_hostname, set_timezone


@pytest.mark.parametrize(
    ("kiosk_id", "name"),
    [("kiosk-001", "kiosk-001"), ("Shop_7", "shop-7"), ("_a_", "a"), ("___", "kiosk"), ("A" * 64, "a" * 63)],
)
def test_a_kiosks_id_becomes_a_hosts_name(kiosk_id: str, name: str) -> None:
    assert hostname_of(kiosk_id) == name


def test_a_new_name_takes_the_old_ones_place(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "hosts").write_text("127.0.0.1\tlocalhost\n127.0.1.1\told\n::1\tlocalhost\n")
    set_hostname(tmp_path, "new")
    assert (tmp_path / "etc" / "hosts").read_text() == "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\tnew\n"


def test_a_new_time_zone_takes_the_old_ones_place(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for zone in ("UTC", "Europe/Vienna"):
        set_timezone(tmp_path, zone)
        assert str((tmp_path / "etc" / "localtime").readlink()) == f"/usr/share/zoneinfo/{zone}"


def test_each_user_of_the_system_gets_its_own_key_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def owner_of(user: str) -> tuple[int, int] | None:
        asked.append(user)
        return (os.getuid(), os.getgid()) if user in ("kiosk-menu", "kiosk-voice") else None

    monkeypatch.setattr(system, "owner_of", owner_of)
    (tmp_path / "data" / "kiosk").mkdir(parents=True)
    draw_keys(tmp_path / "data", tmp_path / "run")
    handed = tmp_path / "run" / "kiosk" / "keys"
    assert sorted(str(path.relative_to(handed)) for path in handed.rglob("*.nk")) == ["menu/menu.nk", "voice/voice.nk"]
    # As the agent reads it: it refuses a folder or a key that others may look into.
    assert public_key(handed / "menu" / "menu.nk") == public_key(tmp_path / "data" / "keys" / "menu.nk")
    assert "kiosk-operator" in asked


def test_a_file_gets_its_mode_whatever_it_had(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"same")
    path.chmod(0o666)
    assert put(path, b"same", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not put(path, b"same", mode=0o600)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (tmp_path / "file").symlink_to("elsewhere")
    assert put(tmp_path / "file", b"theirs")
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"


def test_a_folder_gets_its_mode_whatever_it_had(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o777)
    make_folder(tmp_path / "folder", mode=0o700)
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700
