"""Keys: made on the device, whole or not at all, and nobody else's to read."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nkeys  # type: ignore[import-untyped]  # it carries no type information
import pytest

from edge.bus.keys import KeyUnusable, key_path, make_keys, public_key, public_keys, read_seed, write_conf
from edge.contract.permissions import SIGNED_IN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a key of everyone."""
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everyone_gets_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = make_keys(tmp_path / "new" / "keys")
    finally:
        os.umask(before)
    assert [each.user for each in made] == list(SIGNED_IN)
    assert {each.state for each in made} == {"made"}
    assert len({each.public for each in made}) == len(SIGNED_IN)
    assert mode(tmp_path / "new" / "keys") == 0o700
    assert {path.name for path in (tmp_path / "new" / "keys").iterdir()} == {f"{user}.nk" for user in SIGNED_IN}
    for each in made:
        path = key_path(tmp_path / "new" / "keys", each.user)
        assert mode(path) == 0o600
        pair = nkeys.from_seed(bytearray(read_seed(path).encode()))
        assert pair.public_key.decode() == each.public
        assert each.public.startswith("U")


def test_a_key_that_is_there_is_kept_and_replaced_only_by_name(folder: Path) -> None:
    before = public_keys(folder)
    assert {each.state for each in make_keys(folder)} == {"kept"}
    assert public_keys(folder) == before
    states = {each.user: each.state for each in make_keys(folder, replace=["payment"])}
    assert states.pop("payment") == "replaced"
    assert set(states.values()) == {"kept"}
    changed = {user for user, key in public_keys(folder).items() if key != before[user]}
    assert changed == {"payment"}
    with pytest.raises(KeyUnusable, match="no user 'stranger'"):
        make_keys(folder, replace=["stranger"])


def test_two_who_make_keys_at_once_make_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: make_keys(tmp_path / "keys"), range(8)))
    publics = {tuple(each.public for each in made) for made in runs}
    assert publics == {tuple(public_keys(tmp_path / "keys").values())}


def test_what_an_interrupted_run_left_is_no_key_and_no_obstacle(folder: Path) -> None:
    key_path(folder, "menu").unlink()
    (folder / ".menu.nk.new").write_text("SU", encoding="ascii")
    with pytest.raises(KeyUnusable, match=r"no key at .*menu\.nk; kiosk bus keys makes them"):
        public_keys(folder)
    states = {each.user: each.state for each in make_keys(folder)}
    assert states["menu"] == "made"
    assert not (folder / ".menu.nk.new").exists()


def test_a_full_disk_leaves_the_old_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = public_key(key_path(folder, "menu"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyUnusable, match="No space left on device"):
        make_keys(folder, replace=["menu"])
    assert public_key(key_path(folder, "menu")) == before


def damaged(seed: str) -> dict[str, str]:
    other = "B" if seed[30] != "B" else "C"
    account = nkeys.encode_seed(bytes(32), nkeys.PREFIX_BYTE_ACCOUNT).decode()
    return {
        "empty": "",
        "cut short": seed[:40],
        "a letter wrong": seed[:30] + other + seed[31:],
        "a digit that base32 has not": seed[:30] + "1" + seed[31:],
        "two keys": seed + seed,
        "a public key": "UCAEKJ3RBM77LJI6HGH4IY25FUW42A7N6BYPEIJBWMVVMBM7AZJWTKM2",
        "an account's": account,
        "junk": "\x00\x01ü" * 19,
    }


@pytest.mark.parametrize("how", damaged("S" * 58))
def test_a_damaged_key_is_a_clear_error(folder: Path, how: str) -> None:
    path = key_path(folder, "menu")
    path.write_text(damaged(read_seed(path))[how], encoding="utf-8")
    with pytest.raises(KeyUnusable, match=r"menu\.nk is damaged"):
        read_seed(path)
    with pytest.raises(KeyUnusable, match=r"menu\.nk is damaged"):
        make_keys(folder)  # it isn't replaced in silence


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o660, 0o777])
def test_a_key_that_others_may_read_is_refused(folder: Path, loose: int) -> None:
    key_path(folder, "menu").chmod(loose)
    with pytest.raises(KeyUnusable, match=rf"others may read .*menu\.nk \(mode 0{loose:o}\): chmod 600"):
        read_seed(key_path(folder, "menu"))


@pytest.mark.parametrize("loose", [0o750, 0o705, 0o777])
def test_a_folder_that_others_may_enter_is_refused(folder: Path, loose: int) -> None:
    folder.chmod(loose)
    for using in (lambda: read_seed(key_path(folder, "menu")), lambda: make_keys(folder)):
        with pytest.raises(KeyUnusable, match=rf"others may look into .*keys \(mode 0{loose:o}\): chmod 700"):
            using()


def test_a_link_or_a_folder_is_no_key(folder: Path, tmp_path: Path) -> None:
    path = key_path(folder, "menu")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyUnusable, match=r"menu\.nk can't be read"):
        read_seed(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(KeyUnusable, match=r"menu\.nk is no file"):
        read_seed(path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(KeyUnusable, match=r"menu\.nk is no file"):
        read_seed(path)


def test_another_users_folder_is_not_filled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(KeyUnusable, match="belongs to another user"):
        make_keys(folder)


def test_keys_can_not_be_made_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyUnusable, match="keys can't be made in"):
        make_keys(tmp_path / "file" / "keys")


def test_the_servers_file_is_drawn_again_but_a_strangers_is_left(folder: Path) -> None:
    conf = folder / "nats-auth.conf"
    assert write_conf(conf, public_keys(folder))
    assert not write_conf(conf, public_keys(folder)), "nothing changed"
    text = conf.read_text(encoding="utf-8")
    for user, key in public_keys(folder).items():
        assert key in text
        assert read_seed(key_path(folder, user)) not in text
    make_keys(folder, replace=["menu"])
    assert write_conf(conf, public_keys(folder))
    conf.write_text("port: 4222\n", encoding="utf-8")
    with pytest.raises(KeyUnusable, match="was not written by kiosk bus keys"):
        write_conf(conf, public_keys(folder))
    assert conf.read_text(encoding="utf-8") == "port: 4222\n"


def test_the_repository_keeps_no_keys() -> None:
    ignored = (Path(__file__).resolve().parents[3] / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"*.nk", "keys/", "nats-auth.conf"} <= set(ignored)
