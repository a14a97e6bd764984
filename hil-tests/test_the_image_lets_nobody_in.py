"""Nobody comes into the image but by a key that was put there: no password, no port beyond ssh, no open bus."""

from __future__ import annotations

import asyncio
import ipaddress
import os

import pytest

from bench.qemu_bench import COMMAND_S, QemuBench
from edge.bus import BusError, Client

_SSH = 22


async def test_nothing_listens_but_ssh_and_loopback(booted: QemuBench) -> None:
    said = await booted.shell.run("ss -H -l -n -t -u -p", within_s=COMMAND_S)
    (booted.report / "ports.txt").write_text(said, encoding="utf-8")
    lines = [line.split() for line in said.strip().splitlines()]
    assert lines, "ss sees nothing, not even ssh"
    open_to_all = []
    for words in lines:
        kind, place = words[0], words[4]
        host, _, port = place.rpartition(":")
        address = host.partition("%")[0].strip("[]")
        loopback = address not in ("*", "") and ipaddress.ip_address(address).is_loopback
        if not loopback and not (kind == "tcp" and int(port) == _SSH):
            open_to_all.append(" ".join(words))
    assert not open_to_all


async def test_nobody_has_a_password(booted: QemuBench) -> None:
    shadow = await booted.shell.run("cat /etc/shadow", within_s=COMMAND_S)
    secrets = {line.split(":")[0]: line.split(":")[1] for line in shadow.splitlines()}
    assert secrets["root"]
    assert secrets["admin"]
    assert {name for name, secret in secrets.items() if secret[:1] not in ("!", "*")} == set()


async def test_ssh_takes_keys_only_and_no_root(booted: QemuBench) -> None:
    said = (await booted.shell.run("sshd -T", within_s=COMMAND_S)).lower().splitlines()
    for line in (
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitemptypasswords no",
        "permitrootlogin no",
    ):
        assert line in said


@pytest.mark.parametrize("user", ["admin", "root", "kiosk-hardware"])
async def test_without_the_key_ssh_opens_for_nobody(booted: QemuBench, user: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *("ssh", "-p", str(booted.machine.ssh_port), "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes"),
        *("-o", f"UserKnownHostsFile={os.devnull}", "-o", "IdentitiesOnly=yes", "-o", f"IdentityFile={os.devnull}"),
        *(f"{user}@127.0.0.1", "true"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), COMMAND_S)
    assert process.returncode == 255
    assert b"Permission denied (publickey)" in said


async def test_the_only_keys_are_those_that_were_put_there(booted: QemuBench) -> None:
    said = await booted.shell.run(
        "find / /data -xdev -name 'authorized_keys*' -type f -exec cat {} +",
        within_s=COMMAND_S,
    )
    keys = {line.split()[1] for line in said.splitlines() if line.strip() and not line.startswith("#")}
    ours = booted.public_key.read_text(encoding="ascii").split()[1]
    assert keys == {ours}


async def test_the_bus_wants_a_key(booted: QemuBench) -> None:
    stranger = Client(booted.bus.url, name="stranger")
    with pytest.raises(BusError):
        await stranger.connect(wait_s=COMMAND_S)
    await stranger.close()


async def test_the_ssh_keys_are_this_kiosks_own(booted: QemuBench) -> None:
    """Host keys that come with an image are everybody's."""
    born = await booted.shell.run(
        "sshd -T | awk '$1 == \"hostkey\" {print $2}' | xargs -r stat -L -c '%n %Y'; stat -c 'boot %Y' /proc/1",
        within_s=COMMAND_S,
    )
    times = dict(line.rsplit(" ", 1) for line in born.strip().splitlines())
    booted_at = int(times.pop("boot"))
    assert times
    for name, at in times.items():
        assert name.startswith("/data/"), name
        assert int(at) >= booted_at - 3600, f"{name} is older than this boot"
