from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.update.firmware import autoboot_text
from proofs.powercuts import guest
from proofs.powercuts.guest import Guest, GuestFailed, firmware, make_ssh_key, qemu_version
from proofs.powercuts.partitions import named, partitions, put_back

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
LACKING = [tool for tool in ("sfdisk", "mkfs.vfat", "mcopy") if shutil.which(tool, path=PATH) is None]
MIB = 1 << 20


def tool(*words: str, stdin: str = "") -> None:
    environment = os.environ | {"PATH": PATH}
    subprocess.run(words, input=stdin.encode(), capture_output=True, check=True, env=environment)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Two slots, each with a kernel that says which it is; slot B is committed."""
    if LACKING:
        pytest.skip(f"lacks {', '.join(LACKING)} (Debian: dosfstools, fdisk, mtools)")
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(24 * MIB)
    table = "\n".join(["label: gpt", *(f"size=6MiB, name={name}" for name in ("KIOSK", "BOOT-A", "BOOT-B"))])
    tool("sfdisk", "-q", str(path), stdin=table)
    texts = {
        "KIOSK": {"autoboot.txt": autoboot_text("B")},
        "BOOT-A": {"vmlinuz": "kernel A", "initrd.img": "ramdisk A", "cmdline-a.txt": "slot=A\n"},
        "BOOT-B": {"vmlinuz": "kernel B", "initrd.img": "ramdisk B", "cmdline-b.txt": "slot=B\n"},
    }
    for name, files in texts.items():
        part = tmp_path / name
        with part.open("wb") as file:
            file.truncate(6 * MIB)
        tool("mkfs.vfat", str(part))
        for file_name, text in files.items():
            (tmp_path / file_name).write_text(text)
            tool("mcopy", "-i", str(part), str(tmp_path / file_name), "::")
        put_back(part, path, named(name, partitions(path)))
    return path


def test_the_firmware_starts_the_slot_that_autoboot_names(disk: Path, tmp_path: Path) -> None:
    started = firmware(disk, tmp_path / "started")
    assert started.kernel.read_text() == "kernel B"
    assert started.initrd.read_text() == "ramdisk B"
    assert started.arguments.startswith("slot=B ")


def test_a_slot_without_a_kernel_is_said(disk: Path, tmp_path: Path) -> None:
    boot = named("BOOT-B", partitions(disk))
    tool("mdel", "-i", f"{disk}@@{boot.begins}", "::vmlinuz")
    with pytest.raises(GuestFailed, match="BOOT-B has no vmlinuz"):
        firmware(disk, tmp_path / "started")


def test_a_disk_without_autoboot_is_said(disk: Path, tmp_path: Path) -> None:
    config = named("KIOSK", partitions(disk))
    tool("mdel", "-i", f"{disk}@@{config.begins}", "::autoboot.txt")
    with pytest.raises(GuestFailed, match="the firmware finds nothing"):
        firmware(disk, tmp_path / "started")


@pytest.mark.parametrize(("version", "fit"), [("10.0.2 (Debian 1:10.0.2)", True), ("7.2.0", False)])
def test_a_qemu_whose_log_mixes_requests_up_is_refused(
    version: str, fit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / guest.PROGRAM
    program.write_text(f"#!/bin/sh\necho 'QEMU emulator version {version}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    if fit:
        assert qemu_version() == "10.0.2"
    else:
        with pytest.raises(GuestFailed, match="bookworm-backports"):
            qemu_version()


def test_an_ssh_key_is_made_once(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen here: Debian's package openssh-client has it")
    path = make_ssh_key(tmp_path / "keys")
    first = path.read_text()
    assert (tmp_path / "keys" / "ssh-key.pub").read_text().startswith("ssh-ed25519 ")
    assert make_ssh_key(tmp_path / "keys").read_text() == first


async def test_a_machine_that_ends_at_once_is_said_and_left_behind_by_nobody(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for QEMU that only dies: the words of the error, and that nothing is left running."""
    if shutil.which("qemu-img") is None:
        pytest.skip("no qemu-img here: Debian's package qemu-utils has it")
    program = tmp_path / "bin" / guest.PROGRAM
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nprint('no such machine')\nraise SystemExit(1)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    key = make_ssh_key(tmp_path / "keys")
    with pytest.raises(GuestFailed, match="no such machine"):
        async with asyncio.timeout(50), Guest(disk, tmp_path / "run", key) as machine:
            await machine.bus(40)
