"""What a boot makes of the integrator's files."""

from __future__ import annotations

import codecs
import json
import stat
from pathlib import Path

import pytest

from edge.bus.keys import public_keys
from edge.config import load
from edge.contract.permissions import SIGNED_IN
from edge.notices import NoticeFolder

from .conftest import CREDENTIAL, GUEST_PASSWORD, KIOSK_TOML, NMCONNECTION, PUBLIC_KEY, SECRETS, WIFI_PASSWORD, Kiosk


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_card_without_files_is_a_kiosk(kiosk: Kiosk) -> None:
    outcome = kiosk.boot()
    assert (outcome.taken, outcome.mistakes) == ([], [])
    config = load(kiosk.places.applied)
    assert config.kiosk.id == "kiosk-001"
    assert config.kiosk.data_dir == kiosk.places.data
    assert config.bus.keys == kiosk.places.data / "keys"
    assert list(kiosk.places.boot.iterdir()) == []


def test_kiosk_toml_is_applied(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    outcome = kiosk.boot()
    assert outcome.taken == ["kiosk.toml"]
    config = load(kiosk.places.applied)
    assert config.kiosk.id == "Shop_7"
    assert config.devices.printer == "escpos+tcp://10.0.0.5:9100"
    etc = kiosk.places.root / "etc"
    assert (etc / "hostname").read_text() == "shop-7\n"
    assert "127.0.1.1\tshop-7" in (etc / "hosts").read_text()
    assert (etc / "timezone").read_text() == "Europe/Vienna\n"
    assert str((etc / "localtime").readlink()) == "/usr/share/zoneinfo/Europe/Vienna"


def test_secrets_go_to_data_and_leave_the_card(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.write("wifi.nmconnection", NMCONNECTION.replace("\n", "\r\n"))
    kiosk.boot()
    secrets = kiosk.places.data / "kiosk" / "secrets"
    assert (secrets / "hub.credential").read_text() == CREDENTIAL
    assert (secrets / "network.wifi.password").read_text() == WIFI_PASSWORD
    own = kiosk.places.connections / "wifi.nmconnection"
    assert own.read_text() == NMCONNECTION
    ours = kiosk.places.connections / "kiosk-wifi.nmconnection"
    assert f"psk={WIFI_PASSWORD}\n" in ours.read_text()
    for path in (own, ours, *secrets.iterdir()):
        assert mode(path) == 0o600
    for folder in (secrets, kiosk.places.connections):
        assert mode(folder) == 0o700
    for secret in SECRETS:
        assert secret not in kiosk.on_card()
        assert secret not in kiosk.places.applied.read_text()
    assert sorted(path.name for path in kiosk.places.boot.iterdir()) == ["kiosk.toml", "wifi.nmconnection.applied"]


def test_what_is_left_on_the_card_says_where_the_secrets_went(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.write("wifi.nmconnection", NMCONNECTION)
    kiosk.boot()
    left = kiosk.card("kiosk.toml").read_text()
    assert "# The kiosk at the door.\n" in left
    assert f"# credential: moved to {kiosk.places.data}/kiosk/secrets/hub.credential" in left
    assert str(kiosk.places.connections) in kiosk.card("wifi.nmconnection.applied").read_text()


def test_the_next_boot_keeps_the_secrets_and_changes_nothing(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.boot()
    before = {path: path.stat().st_mtime_ns for path in kiosk.places.boot.parent.rglob("*") if path.is_file()}
    outcome = kiosk.boot()
    assert outcome.mistakes == []
    assert {path: path.stat().st_mtime_ns for path in kiosk.places.boot.parent.rglob("*") if path.is_file()} == before
    assert WIFI_PASSWORD in (kiosk.places.connections / "kiosk-wifi.nmconnection").read_text()


def test_a_changed_line_is_applied_and_a_new_secret_taken(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.boot()
    left = kiosk.card("kiosk.toml").read_text().replace("Shop_7", "Shop_8")
    kiosk.write("kiosk.toml", left.replace("# credential:", 'credential = "another one"  #'))
    kiosk.boot()
    assert load(kiosk.places.applied).kiosk.id == "Shop_8"
    assert (kiosk.places.data / "kiosk" / "secrets" / "hub.credential").read_text() == "another one"
    assert "another one" not in kiosk.on_card()
    assert WIFI_PASSWORD in (kiosk.places.connections / "kiosk-wifi.nmconnection").read_text()


def test_an_empty_secret_forgets_it(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.boot()
    kiosk.write("kiosk.toml", '[network.wifi]\nssid = "Open"\npassword = ""\n')
    kiosk.boot()
    assert not (kiosk.places.data / "kiosk" / "secrets" / "network.wifi.password").exists()
    assert "psk" not in (kiosk.places.connections / "kiosk-wifi.nmconnection").read_text()


def test_a_network_that_is_gone_from_the_file_is_gone(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML + '[network]\naddress = "10.0.0.20/24"\n')
    kiosk.boot()
    kiosk.write("kiosk.toml", "")
    kiosk.boot()
    assert list(kiosk.places.connections.iterdir()) == []


def test_the_image_ships_settings_below_the_integrators(kiosk: Kiosk, tmp_path: Path) -> None:
    defaults = tmp_path / "defaults.toml"
    defaults.write_text('[models]\nfolder = "/opt/kiosk/models"\n[devices]\nprinter = "simulated:"\nnfc = "pcsc:"\n')
    shipped = Kiosk(type(kiosk.places)(kiosk.places.boot, kiosk.places.data, kiosk.places.root, defaults))
    shipped.write("kiosk.toml", KIOSK_TOML)
    shipped.boot()
    config = load(kiosk.places.applied)
    assert (config.devices.nfc, config.devices.printer) == ("pcsc:", "escpos+tcp://10.0.0.5:9100")
    assert config.models.folder == Path("/opt/kiosk/models")


def test_keys_are_drawn_once_and_a_damaged_one_again(kiosk: Kiosk) -> None:
    kiosk.boot()
    keys = kiosk.places.data / "keys"
    before = public_keys(keys)
    assert set(before) == set(SIGNED_IN)
    device = (kiosk.places.data / "device.key").read_bytes()
    (keys / "menu.nk").write_bytes(b"")
    kiosk.boot()
    after = public_keys(keys)
    assert {user for user in SIGNED_IN if before[user] != after[user]} == {"menu"}
    for conf in (keys / "nats-auth.conf", kiosk.places.data / "kiosk" / "nats-auth.conf"):
        assert after["menu"] in conf.read_text()
    assert (kiosk.places.data / "device.key").read_bytes() == device


def test_authorized_keys_let_the_integrator_in(kiosk: Kiosk) -> None:
    kiosk.write("authorized_keys", f"# Maria\r\n{PUBLIC_KEY}\r\n")
    outcome = kiosk.boot()
    assert outcome.taken == ["authorized_keys"]
    assert kiosk.places.authorized_keys.read_text() == f"# Maria\n{PUBLIC_KEY}\n"
    assert mode(kiosk.places.authorized_keys) == 0o600
    assert mode(kiosk.places.authorized_keys.parent) == 0o700


def test_nobody_comes_in_unless_told_to(kiosk: Kiosk) -> None:
    kiosk.boot()
    assert not (kiosk.places.data / "ssh").exists()


# -- mistakes ---------------------------------------------------------------------------------------------


BAD_TOML = KIOSK_TOML.replace("printer =", "pritner =")


def test_with_a_mistake_the_kiosk_boots_as_it_was_before(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.boot()
    kiosk.write("kiosk.toml", BAD_TOML.replace("Shop_7", "Shop_8"))
    outcome = kiosk.boot()
    assert [(each.line, each.instead[:21]) for each in outcome.mistakes] == [(7, "Did you mean printer?")]
    assert load(kiosk.places.applied).kiosk.id == "Shop_7"
    assert (kiosk.places.root / "etc" / "hostname").read_text() == "shop-7\n"
    assert "the configuration it had before" in kiosk.card("MISTAKES.txt").read_text()


def test_a_mistake_is_told_on_the_card_the_page_and_paper_and_goes_away(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", BAD_TOML)
    kiosk.boot()
    text = kiosk.card("MISTAKES.txt").read_text("utf-8-sig")
    page = json.loads(kiosk.places.mistakes.read_text())
    (notice,) = NoticeFolder(kiosk.places.notices).waiting()
    for told in (text, json.dumps(page), "\n".join(notice.lines)):
        assert "kiosk.toml, line 7" in told
        assert "Did you mean printer?" in told
        assert not any(secret in told for secret in SECRETS)
    assert "the settings it ships with" in text
    assert mode(kiosk.places.mistakes) == 0o644
    kiosk.boot()
    assert len(list(NoticeFolder(kiosk.places.notices).waiting())) == 1
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.boot()
    assert not kiosk.card("MISTAKES.txt").exists()
    assert not kiosk.places.mistakes.exists()
    assert list(NoticeFolder(kiosk.places.notices).waiting()) == []


def test_each_file_is_taken_by_itself(kiosk: Kiosk) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML)
    kiosk.write("wifi.nmconnection", NMCONNECTION.replace("psk=", "psk"))
    kiosk.write("authorized_keys", "ssh-ed25519 AAAA\n")
    outcome = kiosk.boot()
    assert outcome.taken == ["kiosk.toml"]
    assert [(each.file, each.line) for each in outcome.mistakes] == [("wifi.nmconnection", 10), ("authorized_keys", 1)]
    assert not kiosk.places.authorized_keys.exists()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (KIOSK_TOML[: KIOSK_TOML.index("Vienna")].encode(), "the file ends in the middle"),
        (KIOSK_TOML.encode("latin-1").replace(b"Maria", b"Mar\xeda"), "line 11: it has a character that isn't UTF-8"),
        (KIOSK_TOML.encode()[:60] + bytes(452), "line 4: it has bytes of zero"),
    ],
)
def test_a_file_that_is_no_toml_is_told(kiosk: Kiosk, raw: bytes, words: str) -> None:
    kiosk.write("kiosk.toml", raw)
    (mistake,) = kiosk.boot().mistakes
    assert words in mistake.words


@pytest.mark.parametrize(
    "raw",
    [
        codecs.BOM_UTF8 + KIOSK_TOML.replace("\n", "\r\n").encode(),
        codecs.BOM_UTF16_LE + KIOSK_TOML.replace("\n", "\r\n").encode("utf-16-le"),
    ],
)
def test_what_notepad_saves_is_read(kiosk: Kiosk, raw: bytes) -> None:
    kiosk.write("kiosk.toml", raw)
    outcome = kiosk.boot()
    assert (outcome.config.kiosk.id, outcome.mistakes) == ("Shop_7", [])
    assert kiosk.card("kiosk.toml").read_bytes().count(b"\r\n") == KIOSK_TOML.count("\n")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("kiosk.toml.txt", "kiosk.toml"),
        ("Kiosk.toml.TXT", "kiosk.toml"),
        ("kiosk.txt", "kiosk.toml"),
        ("wifi.nmconnection.txt", "wifi.nmconnection"),
        ("authorized_keys.txt", "authorized_keys"),
        ("id_ed25519.pub", "authorized_keys"),
    ],
)
def test_a_name_that_windows_made_up_is_told(kiosk: Kiosk, name: str, meant: str) -> None:
    kiosk.write(name, KIOSK_TOML)
    (mistake,) = kiosk.boot().mistakes
    assert mistake.file == name
    assert f"Rename it to {meant}." in mistake.instead


def test_a_folder_by_that_name_is_told(kiosk: Kiosk) -> None:
    kiosk.card("kiosk.toml").mkdir()
    (mistake,) = kiosk.boot().mistakes
    assert "this is a folder" in mistake.what


def test_a_card_that_is_not_there_is_no_reason_to_stop(kiosk: Kiosk) -> None:
    kiosk.places.boot.rmdir()
    assert kiosk.boot().mistakes == []


def test_a_card_that_cant_be_written_keeps_its_secrets_and_says_so(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    kiosk.write("kiosk.toml", KIOSK_TOML)
    with monkeypatch.context() as broken:
        broken.setattr("edge.firstboot.card.move", refuse)
        outcome = kiosk.boot()
    assert outcome.taken == ["kiosk.toml"]
    assert "its secrets are still on it" in outcome.mistakes[0].what
    assert kiosk.boot().mistakes == []
    assert not any(secret in kiosk.on_card() for secret in SECRETS)


def test_a_setting_that_an_update_dropped_is_left_out(kiosk: Kiosk) -> None:
    kiosk.boot()
    kiosk.places.given.write_text('[kiosk]\nid = "Shop_9"\nretired = 1\n')
    outcome = kiosk.boot()
    assert load(kiosk.places.applied).kiosk.id == "Shop_9"
    assert "as this kiosk took it before, line 3" in outcome.mistakes[0].words


@pytest.mark.parametrize(
    "text",
    [
        f'[hub]\nurl = "https://h.example"\ncredential = """\n{CREDENTIAL}"""\n',
        f'hub = {{ url = "https://h.example", credential = "{CREDENTIAL}" }}\n',
        f'hub.url = "https://h.example"\nhub.credential = "{CREDENTIAL}"\n',
        f'# was {CREDENTIAL}\n[hub]\nurl = "https://h.example"\ncredential = "{CREDENTIAL}"\n',
    ],
)
def test_a_secret_is_wiped_however_it_is_written(kiosk: Kiosk, text: str) -> None:
    kiosk.write("kiosk.toml", text)
    assert kiosk.boot().mistakes == []
    assert (kiosk.places.data / "kiosk" / "secrets" / "hub.credential").read_text() == CREDENTIAL
    assert CREDENTIAL not in kiosk.on_card()
    assert "secrets/hub.credential" in kiosk.on_card()
    assert kiosk.boot().config.hub is not None
    assert GUEST_PASSWORD not in kiosk.on_card()
