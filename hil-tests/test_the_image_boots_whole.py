"""The image boots with all of its units at work, none failed, and none waiting for itself."""

from __future__ import annotations

import re

from bench.qemu_bench import COMMAND_S, QemuBench

_ASKED = "Id,ActiveState,Type,Result,ConditionResult"


async def test_no_unit_failed(booted: QemuBench) -> None:
    failed = await booted.shell.run("systemctl list-units --state=failed --plain --no-legend", within_s=COMMAND_S)
    assert failed.strip() == ""


async def test_it_is_up(booted: QemuBench) -> None:
    _, state, _ = await booted.shell.tried("systemctl is-system-running --wait", within_s=COMMAND_S)
    assert state.strip() == "running"


async def test_every_unit_of_ours_is_active(booted: QemuBench) -> None:
    wanted = await booted.shell.run("systemctl show -P Wants kiosk.target", within_s=COMMAND_S)
    ours = [unit for unit in wanted.split() if unit.startswith("kiosk-")]
    assert len([unit for unit in ours if unit.startswith("kiosk-agent-")]) == 7
    said = await booted.shell.run(f"systemctl show -p {_ASKED} {' '.join(ours)}", within_s=COMMAND_S)
    for block in said.strip().split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines())
        assert unit["Result"] == "success", block
        if unit["Id"] == "kiosk-screen.service" and unit["ConditionResult"] == "no":
            continue  # QEMU's machine has no graphics card
        # A oneshot that is over may be inactive; a service may not.
        assert unit["ActiveState"] == "active" or unit["Type"] in ("oneshot", "exec"), block


async def test_no_unit_waits_for_itself(booted: QemuBench) -> None:
    journal = await booted.shell.run("journalctl -b --no-pager -o cat _PID=1", within_s=COMMAND_S)
    assert not re.findall(r"ordering cycle.*", journal)
    _, said, wrong = await booted.shell.tried(
        "systemd-analyze verify --man=no --recursive-errors=no default.target", within_s=COMMAND_S
    )
    assert "cycle" not in said + wrong


async def test_no_unit_of_ours_crashed(booted: QemuBench) -> None:
    """A unit that crashes again and again is active in between. (The server is killed by other tests.)"""
    journal = await booted.shell.run("journalctl -b --no-pager -o cat _PID=1", within_s=COMMAND_S)
    failed = [line for line in journal.splitlines() if "Failed with result" in line and line.startswith("kiosk-")]
    assert not [line for line in failed if not line.startswith("kiosk-nats.service")]
