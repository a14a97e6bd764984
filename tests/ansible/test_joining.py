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
def test_the_server_let_out_is_still_held(tmp_path: Path) -> None:
    unit = tmp_path / "kiosk-nats.service"
    unit.write_text(units()[unit.name])
    asking = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(asking, capture_output=True, text=True, check=False)
    (exposed,) = re.findall(r"Overall exposure level.*: ([0-9.]+)", done.stdout)
    assert float(exposed) <= _MOST_EXPOSED
