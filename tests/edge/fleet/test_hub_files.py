"""The hub's folder and a kiosk's own side: what is drawn, kept, refused, and where secrets are."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from edge.bus.keys import is_public_key, new_seed, public_of
from edge.bus.server import find_server
from edge.config import parse
from edge.contract.fleet import ABOUT, InFleet, exports, read_source, source
from edge.contract.permissions import SIGNED_IN
from edge.contract.subjects import COMMANDS, PAYMENT_PROCESS
from edge.fleet.errors import FleetError
from edge.fleet.hub_conf import HubFolder, add_person, draw, found, write_pass
from edge.fleet.leaf import CONF_NAME, join, kiosk_toml, make_kiosk_key, seed_for_hub, stand_alone
from edge.fleet.register import Register, changing, load
from edge.fleet.settings import HUB_TOML, first_settings

CA = """\
-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUORjBYTJeTnpvJJQls+7meT06z+kwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGYSB0ZXN0MCAXDTI2MTEyMzIyMTA0NFoYDzIxMjYxMDMwMjIx
MDQ0WjARMQ8wDQYDVQQDDAZhIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAT2lmJjZ3Vs5uir2SpJduJYTaQfUBn3QY2cJOg0tK1u4d6MJ5webGMRr+h2I8vn
FUs5gis324ZrXJ6NME7aY1BTo1MwUTAdBgNVHQ4EFgQUzjIODIG2FbVO7y59iscm
Wk5RmwswHwYDVR0jBBgwFoAUzjIODIG2FbVO7y59iscmWk5RmwswDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAuMZkXupRy+ssTYwONphNz+iduUZSX
pp3bDo8hILBPeQIgbCNlkrWCocdfqgC6a+dxU01FV8oa7QFfQLCSaZ8p0XM=
-----END CERTIFICATE-----"""  # of nobody: its key was thrown away


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub's folder, to be copied: openssl takes its time."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine: install the package openssl")
    folder = HubFolder(tmp_path_factory.mktemp("drawn") / "hub")
    found(folder, first_settings({"a": "127.0.0.1", "b": "127.0.0.1", "c": "hub-c.example"}))
    draw(folder)
    return folder.path


@pytest.fixture
def hub(tmp_path: Path, drawn: Path) -> HubFolder:
    return HubFolder(Path(shutil.copytree(drawn, tmp_path / "hub")))


def key() -> str:
    return public_of(new_seed())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- the hub's folder ---------------------------------------------------------------------------------------


def test_the_server_takes_what_is_drawn(hub: HubFolder) -> None:
    with changing(hub.path) as register:
        register.add("shop-1", key())
    add_person(hub, "anna", ["shop-1"])
    draw(hub)
    for name in ("a", "b", "c"):
        done = subprocess.run(
            [find_server(), "-t", "-c", "nats-server.conf"],
            cwd=hub.node(name),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_drawing_again_changes_nothing_and_a_new_kiosk_every_node(hub: HubFolder) -> None:
    assert draw(hub) == []
    with changing(hub.path) as register:
        register.add("shop-1", key())
    assert draw(hub) == ["a", "b", "c"]


def test_nodes_on_one_host_have_ports_of_their_own(hub: HubFolder) -> None:
    nodes = hub.settings().nodes
    assert [nodes[name].leaf_port for name in "abc"] == [7422, 7432, 7422]
    assert hub.settings().replicas == 3


def test_a_node_gets_its_own_secret_and_no_other(hub: HubFolder) -> None:
    assert sorted(path.name for path in hub.node("a").iterdir()) == [
        "ca.pem",
        "nats-server.conf",
        "node.key",
        "node.pem",
        "users.conf",
    ]
    assert mode(hub.node("a") / "node.key") == mode(hub.path / "ca.key") == 0o600
    assert mode(hub.keys) == 0o700
    for path in hub.node("a").iterdir():
        assert "SU" not in {word[:2] for word in path.read_text().split('"') if len(word) == 58}


def test_a_certificate_holds_for_its_host_only_and_is_kept(hub: HubFolder) -> None:
    def verifies(*how: str) -> bool:
        command = ["openssl", "verify", "-CAfile", str(hub.ca), *how, str(hub.node("c") / "node.pem")]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert verifies("-verify_hostname", "hub-c.example")
    assert not verifies("-verify_hostname", "hub-d.example")
    before = (hub.node("c") / "node.pem").read_text()
    text = (hub.path / HUB_TOML).read_text()
    (hub.path / HUB_TOML).write_text(text.replace("hub-c.example", "hub-d.example"))
    assert "c" in draw(hub)
    assert (hub.node("c") / "node.pem").read_text() != before
    assert verifies("-verify_hostname", "hub-d.example")


def test_hub_toml_says_what_is_wrong(hub: HubFolder) -> None:
    (hub.path / HUB_TOML).write_text("[limits]\nkeep_dyas = 3\n[nodes.a]\nhost = 'x'\n")
    with pytest.raises(FleetError, match="keep_dyas"):
        hub.settings()
    with pytest.raises(FleetError, match="kiosk fleet hub"):
        HubFolder(hub.path / "nowhere").settings()


def test_a_pass_lets_one_user_in_and_no_more(hub: HubFolder, tmp_path: Path) -> None:
    add_person(hub, "anna", [])
    write_pass(hub, "anna", tmp_path / "pass")
    assert sorted(
        str(path.relative_to(tmp_path / "pass")) for path in (tmp_path / "pass").rglob("*") if path.is_file()
    ) == [
        "ca.pem",
        "hub.toml",
        "keys/anna.nk",
    ]
    assert mode(tmp_path / "pass" / "keys" / "anna.nk") == 0o600
    with pytest.raises(FleetError, match="berta"):
        write_pass(hub, "berta", tmp_path / "pass")


# -- the register -------------------------------------------------------------------------------------------


def test_a_revoked_key_is_never_taken_again(tmp_path: Path) -> None:
    first, second = key(), key()
    with changing(tmp_path) as register:
        register.add("shop-1", first)
        register.revoke("shop-1")
    for kiosk in ("shop-1", "shop-2"):
        with pytest.raises(FleetError, match="has this key, or had it"):
            load(tmp_path).add(kiosk, first)
    with changing(tmp_path) as register:
        register.add("shop-1", second)
        with pytest.raises(FleetError, match="has this key, or had it"):
            register.add("shop-2", first)
    assert load(tmp_path).active.keys() == {"shop-1"}


@pytest.mark.parametrize(
    ("kiosk", "public", "group", "words"),
    [
        ("a.b", None, "", "can't be a kiosk's id"),
        ("", None, "", "can't be a kiosk's id"),
        ("shop", "SUAB", "", "public nkey"),
        ("shop", None, "no rth", "can't be"),
        ("shop", None, "x" * 40, "at most"),
    ],
)
def test_what_can_t_be_a_member_is_refused(kiosk: str, public: str | None, group: str, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        Register().add(kiosk, public or key(), group)


def test_who_is_not_a_member_can_t_be_revoked() -> None:
    register = Register()
    register.add("shop", key())
    register.revoke("shop")
    for name in ("shop", "other"):
        with pytest.raises(FleetError):
            register.revoke(name)


def test_a_change_that_fails_leaves_the_register_as_it_was(tmp_path: Path) -> None:
    with changing(tmp_path) as register:
        register.add("shop", key())

    def fail() -> None:
        with changing(tmp_path) as register:
            register.add("other", key())
            register.revoke("nobody")

    with pytest.raises(FleetError):
        fail()
    assert load(tmp_path).kiosks.keys() == {"shop"}


def test_public_keys_are_told_from_seeds_and_typing_errors() -> None:
    public = key()
    assert is_public_key(public)
    assert not is_public_key(public[:-1] + ("A" if public[-1] != "A" else "B"))
    assert not is_public_key(new_seed())


# -- the kiosk's side ---------------------------------------------------------------------------------------


def a_config(*lines: str) -> str:
    return (
        '[kiosk]\nid = "shop-1"\n' + kiosk_toml(["tls://127.0.0.1:7422", "tls://b:7422"], CA, None) + "\n".join(lines)
    )


def takes(folder: Path) -> int:
    """How nats-server's own check of a configuration with this kiosk's link in it ends."""
    conf = folder / "nats-server.conf"
    conf.write_text(f'host: 127.0.0.1\njetstream: {{ store_dir: "{folder}/other" }}\ninclude ./{CONF_NAME}\n')
    return subprocess.run([find_server(), "-t", "-c", str(conf)], capture_output=True, check=False).returncode


def joined(folder: Path, text: str, public_keys: dict[str, str] | None = None) -> str:
    join(parse(text), public_keys, new_seed(), folder, store=folder / "store")
    return (folder / CONF_NAME).read_text()


def test_the_section_for_kiosk_toml_says_what_join_needs(tmp_path: Path) -> None:
    seed = new_seed()
    config = parse(kiosk_toml(["tls://a:7422", "tls://b:7422"], CA, seed))
    assert config.hub is not None
    assert (config.hub.url, config.hub.more_urls, config.hub.credential) == ("tls://a:7422", ["tls://b:7422"], seed)
    text = joined(tmp_path, a_config())
    assert '"tls://127.0.0.1:7422", "tls://b:7422"' in text
    assert (tmp_path / "hub-ca.pem").read_text() == CA + "\n"


def test_the_key_is_in_a_file_that_only_the_server_reads(tmp_path: Path) -> None:
    joined(tmp_path, a_config())
    assert mode(tmp_path / CONF_NAME) == 0o600
    join(parse(a_config()), None, new_seed(), tmp_path, store=tmp_path, group=0)
    assert mode(tmp_path / CONF_NAME) == 0o640


def test_joining_again_changes_nothing(tmp_path: Path) -> None:
    seed = new_seed()
    config = parse(a_config())
    assert join(config, None, seed, tmp_path, store=tmp_path)
    assert not join(config, None, seed, tmp_path, store=tmp_path)


def test_a_kiosk_without_a_hub_has_a_file_that_does_nothing(tmp_path: Path) -> None:
    join(parse(""), None, None, tmp_path, store=tmp_path)
    assert all(line.startswith("#") for line in (tmp_path / CONF_NAME).read_text().splitlines())


def test_the_bus_keeps_its_keys_in_a_fleet(tmp_path: Path) -> None:
    public = {user: key() for user in SIGNED_IN}
    text = joined(tmp_path, a_config(), public)
    assert all(each in text for each in public.values())
    assert "no_auth_user" not in text


def test_a_file_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / CONF_NAME).write_text("mine\n")
    with pytest.raises(FleetError, match="left alone"):
        joined(tmp_path, a_config())


@pytest.mark.parametrize(
    "url",
    [
        "https://hub.example",
        "nats://hub.example:7422",
        "wss://hub.example",
        "tls://hub.example:0",
        "tls://hub exam ple:7422",
        "tls://a:hunter2@hub.example:7422",
        "tls://hub.example:7422/there",
        "tls://hub_.example.:7422",
    ],
)
def test_what_nats_server_would_not_connect_to_with_tls_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(FleetError, match="can't be a hub's address") as error:
        joined(tmp_path, f'[hub]\nurl = "{url}"\n')
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("url", ["tls://hub.example:99999", "tls://[::1:7422"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(FleetError, match="can't be read"):
        joined(tmp_path, f'[hub]\nurl = "{url}"\n')


@pytest.mark.parametrize(
    "url", ["tls://hub.example", "tls://10.0.0.1:7422", "tls://[::1]:7422", "tls://HUB-1.example:1"]
)
def test_addresses_that_nats_server_takes(tmp_path: Path, url: str) -> None:
    joined(tmp_path, f'[hub]\nurl = "{url}"\n')
    assert takes(tmp_path) == 0


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    """nats-server would not start with it."""
    with pytest.raises(FleetError, match="no certificate"):
        joined(tmp_path, '[hub]\nurl = "tls://hub:7422"\nca = "-----BEGIN CERTIFICATE----- AAAA"\n')


def test_who_stands_alone_says_why_and_holds_no_secret(tmp_path: Path) -> None:
    joined(tmp_path, a_config())
    stand_alone(tmp_path, "it is so\nlisten: 0.0.0.0:1\r}")
    text = (tmp_path / CONF_NAME).read_text()
    assert "it is so listen" in text
    assert all(line.startswith("#") for line in text.splitlines())
    assert mode(tmp_path / CONF_NAME) == 0o644
    assert takes(tmp_path) == 0
    assert not stand_alone(tmp_path, "it is so\nlisten: 0.0.0.0:1\r}")


def test_the_key_comes_from_the_card_or_from_the_kiosk(tmp_path: Path) -> None:
    made = make_kiosk_key(tmp_path / "keys")
    assert public_of(seed_for_hub(None, tmp_path / "keys")) == made.public
    given = new_seed()
    (tmp_path / "credential").write_text(given + "\n")
    assert seed_for_hub(tmp_path / "credential", tmp_path / "keys") == given
    (tmp_path / "credential").write_text("hunter2")
    with pytest.raises(FleetError, match="can't be used") as error:
        seed_for_hub(tmp_path / "credential", tmp_path / "keys")
    assert "hunter2" not in str(error.value)


def test_what_moves_money_can_never_be_asked_from_the_hub(tmp_path: Path) -> None:
    for subject in PAYMENT_PROCESS.subjects:
        with pytest.raises(FleetError, match="moves money"):
            joined(tmp_path, a_config(f'asks = ["{subject}"]'))
    with pytest.raises(FleetError, match="is no command"):
        joined(tmp_path, a_config('asks = ["kiosk.>"]'))


def test_by_default_nothing_is_asked_that_changes_anything() -> None:
    given = {each["service"] for each in exports(InFleet("k")) if "service" in each}
    commands = {subject for command in COMMANDS for subject in command.subjects}
    assert given & commands == {"kiosk.hardware.status"}
    for api in (each for each in given if each.startswith("$JS.API")):
        assert api.split(".")[2:4] in (["CONSUMER", "CREATE"], ["STREAM", "INFO"])


@pytest.mark.parametrize("generation", [0, 3])
def test_a_source_is_read_back(generation: int) -> None:
    assert read_source(source("shop-1", generation)) == ("shop-1", generation)
    assert ABOUT not in str(source("shop-1"))


def test_the_servers_own_check_takes_a_joined_kiosk(tmp_path: Path, hub: HubFolder) -> None:
    text = '[kiosk]\nid = "shop-1"\n' + kiosk_toml(hub.settings().leaf_urls, hub.ca.read_text(), None)
    joined(tmp_path, text, {user: key() for user in SIGNED_IN})
    assert takes(tmp_path) == 0
    (tmp_path / "hub-ca.pem").unlink()
    assert takes(tmp_path) != 0
