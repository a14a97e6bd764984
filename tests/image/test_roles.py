from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.contract.permissions import SIGNED_IN
from edge.contract.subjects import AGENTS
from image.recipe import REPOSITORY
from image.tools import COLLECTIONS, COLLECTIONS_FROM
from tests.ansible.rendering import ROLES, read, rendered, units, variables


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_says_what_it_takes(role: Path) -> None:
    options = read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(role / "defaults" / "main.yml") if (role / "defaults" / "main.yml").exists() else {}
    assert all(name.startswith(f"{role.name}_") for name in options)
    assert defaults.keys() <= options.keys()
    for name, option in options.items():
        assert option["description"]
        if name in defaults:
            assert option["default"] == defaults[name], name
        else:
            assert "default" not in option or option["default"] is not None


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_handlers_leave_an_image_alone(role: Path) -> None:
    path = role / "handlers" / "main.yml"
    if not path.exists():
        return
    assert all(handler["when"] == "kiosk_live" for handler in read(path))


def test_every_agent_of_the_contract_has_its_user_and_number() -> None:
    agents = variables()["kiosk_agents"]
    assert {each["name"] for each in agents} == set(AGENTS)
    numbers = [each["uid"] for each in agents]
    assert len(set(numbers)) == len(numbers)
    assert set(AGENTS) <= set(SIGNED_IN)


def test_every_unit_begins_with_the_sandbox() -> None:
    sandbox = variables()["kiosk_sandbox"]
    for name, text in units().items():
        service = text.partition("[Service]\n")[2]
        assert service.startswith(sandbox), name


def test_no_unit_is_left_waiting_for_one_that_is_not_there() -> None:
    ours = {*units(), "kiosk.target"}
    for name, text in units().items():
        named = set(re.findall(r"kiosk[a-z-]*\.(?:service|target)", text))
        assert named <= ours, name


def test_agents_restart_for_ever_and_are_watched() -> None:
    for agent in AGENTS:
        text = units()[f"kiosk-agent-{agent}.service"]
        for line in ("Type=notify", "WatchdogSec=15", "Restart=always", "StartLimitIntervalSec=0"):
            assert line in text.splitlines(), agent
        assert f"User=kiosk-{agent}" in text.splitlines()


def test_an_agent_sees_its_own_folder_and_key_only() -> None:
    for agent in AGENTS:
        text = units()[f"kiosk-agent-{agent}.service"]
        others = set(AGENTS) - {agent}
        assert "TemporaryFileSystem=/data:ro" in text
        assert f"/run/kiosk/keys/{agent}:/data/keys" in text
        assert not any(f"/data/agents/{other}" in text or f"keys/{other}" in text for other in others), agent


def test_only_who_has_a_device_sees_devices() -> None:
    with_devices = {agent["name"] for agent in variables()["kiosk_agents"] if agent["groups"]}
    for agent in AGENTS:
        lines = units()[f"kiosk-agent-{agent}.service"].splitlines()
        assert ("PrivateDevices=no" in lines) == (agent in with_devices), agent


def test_devices_that_come_later_are_known_when_a_unit_starts() -> None:
    """systemd looks a kind of devices up in /proc/devices at the unit's start, where the kind's module has put it."""
    known_by = {
        "char-video4linux": "videodev",
        "char-alsa": "snd",
        "char-ttyUSB": "usbserial",
        "char-ttyACM": "cdc_acm",
    }
    seen = set()
    for agent in AGENTS:
        lines = units()[f"kiosk-agent-{agent}.service"].splitlines()
        for kind, module in known_by.items():
            if f"DeviceAllow={kind} rw" in lines:
                seen.add(kind)
                assert {f"Wants=modprobe@{module}.service", f"After=modprobe@{module}.service"} <= set(lines), agent
    assert seen == set(known_by)


def test_only_printer_and_payment_reach_out() -> None:
    reaching = {name for name, text in units().items() if "IPAddressAllow=any" in text.splitlines() and "agent" in name}
    assert reaching == {"kiosk-agent-hardware.service", "kiosk-agent-payment.service"}


def test_a_stopped_kiosks_strip_goes_dark() -> None:
    assert "ExecStopPost=-/opt/kiosk/current/bin/kiosk leds off" in units()["kiosk-agent-hardware.service"]


def test_nobody_signs_in_by_password() -> None:
    sshd = rendered(REPOSITORY / "ansible/roles/hardening/templates/sshd.conf.j2").splitlines()
    for line in ("PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin no"):
        assert line in sshd
    tasks = (REPOSITORY / "ansible/roles/hardening/tasks/main.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"password: (.*)", tasks)) <= {'"*"', '"!"'}


def test_the_watchdog_is_within_what_a_pi_has() -> None:
    text = rendered(REPOSITORY / "image/roles/image/templates/system.conf.j2")
    (seconds,) = re.findall(r"^RuntimeWatchdogSec=(\d+)$", text, re.MULTILINE)
    assert int(seconds) <= 15


def test_collections_are_those_of_the_wheel_we_take_them_from() -> None:
    pinned = read(REPOSITORY / "ansible" / "requirements.yml")["collections"]
    assert sorted(each["name"].replace(".", "/") for each in pinned) == sorted(COLLECTIONS)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", each["version"]) for each in pinned)
    assert re.fullmatch(r"ansible==\d+\.\d+\.\d+", COLLECTIONS_FROM)


def test_rauc_is_told_of_both_slots_and_asks_our_handler() -> None:
    text = rendered(
        REPOSITORY / "image/roles/image/templates/rauc.conf.j2",
        image_compatible="kiosk-amd64",
        image_slots=[
            {"name": "A", "boot": "BOOT-A", "root": "root-a"},
            {"name": "B", "boot": "BOOT-B", "root": "root-b"},
        ],
    )
    assert text.count("bootname=") == 2
    assert "bootloader-custom-backend=/usr/lib/kiosk/rauc-bootchooser" in text
    assert "bundle-formats=verity" in text
    for label in ("BOOT-A", "BOOT-B", "root-a", "root-b"):
        assert f"device=/dev/disk/by-partlabel/{label}" in text
