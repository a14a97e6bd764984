"""A kiosk's link to its hub, as the roles lay it out: the unit that draws it, the server that reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.bus.keys import make_keys, new_seed, public_keys, write_conf
from edge.bus.server import find_server
from edge.config import parse
from edge.fleet.leaf import CA_NAME, CONF_NAME, join, kiosk_toml, stand_alone
from image.recipe import REPOSITORY
from tests.ansible.rendering import read, units
from tests.conftest import server_2_10
from tests.edge.fleet.test_hub_files import CA

BUS = REPOSITORY / "ansible" / "roles" / "bus"
_MOST_EXPOSED = 3.0


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    """/etc/kiosk/nats as role bus makes it, with the folder of the data partition beside it."""
    etc, data = tmp_path / "etc", tmp_path / "data" / "kiosk"
    etc.mkdir()
    data.mkdir(parents=True)
    for name in ("nats-server.conf", "nats-server-keys.conf"):
        shutil.copy(REPOSITORY / name, etc)
    shutil.copy(BUS / "files" / "kiosk.conf", etc)
    (etc / "keys").symlink_to(data)
    write_conf(data / "nats-auth.conf", {each.user: each.public for each in make_keys(tmp_path / "keys")})
    return tmp_path


def check(laid: Path) -> str:
    """What nats-server, of today and of 2.10, has against the configuration."""
    said = ""
    for program in (find_server(), server_2_10()):
        conf = laid / "etc" / "kiosk.conf"
        done = subprocess.run([program, "-t", "-c", str(conf)], capture_output=True, text=True, check=False)
        said += "" if done.returncode == 0 else done.stderr
    return said


def test_the_server_starts_with_a_hub_and_without(laid: Path) -> None:
    data = laid / "data" / "kiosk"
    stand_alone(data, "kiosk.toml names no hub")
    assert check(laid) == ""
    config = parse(f'[kiosk]\nid = "shop-1"\n{kiosk_toml(["tls://hub:7422"], CA, None)}')
    join(config, public_keys(laid / "keys"), new_seed(), data, store=laid / "store")
    assert check(laid) == ""
    (data / CONF_NAME).write_text("leafnodes: {")
    assert CONF_NAME in check(laid)


def test_the_unit_joins_after_the_files_of_the_card_and_never_fails_by_it() -> None:
    commands = re.findall(r"^ExecStart=(.*)$", units()["kiosk-firstboot.service"], re.MULTILINE)
    assert [each.split()[1:3] for each in commands] == [["firstboot", "--boot"], ["fleet", "join"]]
    assert commands[0].startswith("/")
    assert commands[1].startswith("-/")
    assert "--out /data/kiosk --keys /data/keys --group nats" in commands[1]


def test_the_server_reads_what_joining_draws() -> None:
    text = units()["kiosk-nats.service"]
    assert "nats-server -c /etc/kiosk/nats/kiosk.conf" in text
    (bound,) = re.findall(r"^BindReadOnlyPaths=(.*)$", text, re.MULTILINE)
    assert {f"-/data/kiosk/{name}" for name in (CONF_NAME, CA_NAME)} <= set(bound.split())
    assert "IPAddressAllow=any" in text.splitlines()
    ports = read(REPOSITORY / "ansible/roles/hardening/defaults/main.yml")["hardening_out_tcp"]
    assert 7422 in ports


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze: install the package systemd")
@pytest.mark.parametrize("name", ["kiosk-nats.service", "kiosk-hub.service", "kiosk-hub-keeper.service"])
def test_the_server_let_out_is_still_held(tmp_path: Path, name: str) -> None:
    unit = tmp_path / name
    unit.write_text(units()[unit.name])
    asking = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(asking, capture_output=True, text=True, check=False)
    (exposed,) = re.findall(r"Overall exposure level.*: ([0-9.]+)", done.stdout)
    assert float(exposed) <= _MOST_EXPOSED


def test_a_kiosk_is_told_of_its_hub_before_it_is_set_up_and_let_in_before_it_is_switched() -> None:
    plays = read(REPOSITORY / "ansible" / "deploy.yml")
    (play,) = [each for each in plays if each["name"].startswith("Bring them to the version")]
    kind = "ansible.builtin.import_role"
    roles = [each[kind] for each in play["tasks"][0]["block"] if kind in each]
    order = [f"{each['name']}.{each.get('tasks_from', 'main')}" for each in roles]
    assert order.index("fleet.section") < order.index("agents.main")
    assert order.index("rollout.doors") < order.index("fleet.member") < order.index("rollout.switch")


def test_a_node_runs_as_its_own_user_with_its_events_where_it_may_write() -> None:
    text = units()["kiosk-hub.service"].splitlines()
    for line in ("User=kiosk-hub", "WorkingDirectory=/etc/kiosk-hub", "StateDirectory=kiosk-hub", "LimitNOFILE=20000"):
        assert line in text
    assert "User=kiosk-hub" in units()["kiosk-hub-keeper.service"].splitlines()


def test_secrets_of_a_hub_are_never_shown() -> None:
    tasks = read(REPOSITORY / "ansible/roles/hub/tasks/configuration.yml")
    secret = [
        each for each in tasks if re.search(r"[.](key|nk)$", str(each.get("ansible.builtin.copy", {}).get("src")))
    ]
    assert len(secret) == 2
    assert all(each["no_log"] and each["ansible.builtin.copy"]["mode"] == "0600" for each in secret)
