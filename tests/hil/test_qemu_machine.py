"""The machine of the bench `qemu`: what it starts after which end, against a program that ends as QEMU does."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench import qemu_machine
from bench.qemu_machine import Boot, Machine, arch_of, lacking, reconnecting
from bench.waiting import until
from edge.update.firmware import autoboot_text
from proofs.powercuts.guest import GuestFailed, Kernel

# Each start does what the next line of the plan says: [what the kernel says last, why the machine ends]; no line left,
# it runs until it is told to quit.
PROGRAM = """#!{python}
import json, socket, sys
words = sys.argv[1:]
def after(flag, begins):
    return next(words[i + 1] for i, each in enumerate(words) if each == flag and words[i + 1].startswith(begins))
console = after("-chardev", "file,id=console").split("path=")[1].split(",")[0]
with open({folder!r} + "/started", "a") as file:
    file.write(json.dumps(words) + "\\n")
with open({folder!r} + "/started") as file:
    number = len(file.readlines())
with open({folder!r} + "/plan") as file:
    plan = json.load(file)
if "-qmp" not in words or number > len(plan) + 5:
    sys.exit(1)
server = socket.socket(socket.AF_UNIX)
server.bind(after("-qmp", "unix:").split(":", 1)[1].split(",")[0])
server.listen(1)
connection, _ = server.accept()
monitor = connection.makefile("rw")
def say(**what):
    monitor.write(json.dumps(what) + "\\n")
    monitor.flush()
say(QMP={{}})
say(**{{"return": {{}}}}) if monitor.readline() else None
if number <= len(plan):
    with open(console, "a") as file:
        file.write(plan[number - 1][0] + "\\n")
    say(event="SHUTDOWN", data={{"guest": True, "reason": plan[number - 1][1]}})
    sys.exit(0)
for line in monitor:
    told = json.loads(line)
    if told["execute"] == "quit":
        say(**{{"return": {{}}}})
        say(event="SHUTDOWN", data={{"guest": False, "reason": "host-qmp-quit"}})
        sys.exit(0)
    if told["execute"] == "device_del":
        say(**{{"return": {{}}}})
        say(event="DEVICE_DELETED", data={{"device": told["arguments"]["id"]}})
    elif told["execute"] == "set_link":
        say(**{{"return": told["arguments"]}})
    else:
        say(error={{"desc": "no such command"}})
"""
TRIAL = "[   9.1] reboot: Restarting system with command '0 tryboot'"
AGAIN = "[   9.1] reboot: Restarting system"


@pytest.fixture
async def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    program = tmp_path / "qemu-system-x86_64"
    program.write_text(PROGRAM.format(python=sys.executable, folder=str(tmp_path)), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(qemu_machine, "autoboot_of", lambda _: autoboot_text("A"))
    kernel = Kernel(tmp_path / "vmlinuz", tmp_path / "initrd.img", "quiet")
    monkeypatch.setattr(qemu_machine, "firmware", lambda *_, tryboot: kernel)
    plan(tmp_path)
    machine = Machine(tmp_path / "card.img", tmp_path, tmp_path / "serial.log", ["-device", "qemu-xhci"])
    yield machine
    await machine.off()


def plan(folder: Path, *ends: tuple[str, str]) -> None:
    (folder / "plan").write_text(json.dumps(ends), encoding="utf-8")


async def starts(machine: Machine, count: int) -> list[tuple[str, bool]]:
    """The first starts of a machine that is switched on: slot, and whether on trial."""
    enough = asyncio.Event()

    def told(_: Boot) -> None:
        if len(machine.boots) >= count:
            enough.set()

    machine.on_boot = told
    await machine.on()
    async with asyncio.timeout(30):
        await enough.wait()
    return [(boot.slot, boot.trial) for boot in machine.boots]


async def test_it_runs_until_its_power_goes(machine: Machine) -> None:
    assert await starts(machine, 1) == [("A", False)]
    await machine.off()
    assert not machine.is_on
    with pytest.raises(GuestFailed, match="off"):
        _ = machine.monitor
    await machine.on()
    assert len(machine.boots) == 2


async def test_a_trial_is_for_one_start_only(machine: Machine, tmp_path: Path) -> None:
    plan(tmp_path, (TRIAL, "guest-reset"), (AGAIN, "guest-reset"))
    assert await starts(machine, 3) == [("A", False), ("B", True), ("A", False)]


async def test_what_was_said_at_the_start_before_is_no_flag(machine: Machine, tmp_path: Path) -> None:
    plan(tmp_path, (TRIAL, "guest-reset"), ("a panic, and not a word of restarting", "guest-reset"))
    assert await starts(machine, 3) == [("A", False), ("B", True), ("A", False)]


async def test_who_switches_itself_off_stays_off(machine: Machine, tmp_path: Path) -> None:
    plan(tmp_path, ("Power down", "guest-shutdown"))
    await starts(machine, 1)

    async def is_off() -> bool:
        return not machine.is_on

    await until(is_off, "the machine is off")
    with pytest.raises(GuestFailed, match=r"switched itself off.*Power down"):
        machine.check()


async def test_the_monitor_does_what_it_can_and_says_what_it_can_not(machine: Machine) -> None:
    await machine.on()
    await machine.network(up=False)
    await machine.monitor.remove("usb-stick")
    with pytest.raises(GuestFailed, match="QEMU can't explode: no such command"):
        await machine.monitor.do("explode")


async def test_a_program_that_ends_at_once_is_told(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "qemu-system-x86_64").write_text("#!/bin/sh\necho no such device >&2; exit 3\n", encoding="utf-8")
    with pytest.raises(GuestFailed, match="ended at once with code 3; it said: no such device"):
        await machine.on()


def test_what_is_missing_is_told_as_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "qemu-system-x86" in lacking("amd64")
    assert "qemu-system-arm" not in lacking("amd64")
    assert "qemu-system-arm" in lacking("arm64")
    assert "qemu-system-x86" not in lacking("arm64")
    assert (arch_of(Path("kiosk-arm64.img")), arch_of(Path("kiosk-amd64.img"))) == ("arm64", "amd64")


@pytest.mark.parametrize(
    ("version", "words"), [((7, 2, 22), "reconnect=1"), ((9, 1), "reconnect=1"), ((10, 0, 2), "reconnect-ms=500")]
)
def test_a_printers_line_is_connected_again_in_each_qemus_words(version: tuple[int, ...], words: str) -> None:
    assert reconnecting(version) == words
