"""Each unit of the image may do what it must and little else: `systemd-analyze security` says at most 3.0."""

from __future__ import annotations

import re
from typing import Final

from bench.qemu_bench import COMMAND_S, QemuBench

_MOST: Final = 3.0
_OVERALL: Final = re.compile(r"Overall exposure level for (\S+): ([\d.]+)")


async def test_each_unit_of_ours_is_exposed_little(booted: QemuBench) -> None:
    listed = await booted.shell.run(
        "systemctl list-unit-files --no-legend --plain 'kiosk-*.service' | awk '{print $1}'", within_s=COMMAND_S
    )
    units = [unit for unit in listed.split() if "@" not in unit]
    assert len(units) >= 11
    # By name: without one it leaves out what runs once.
    said = await booted.shell.run(f"systemd-analyze security --no-pager {' '.join(units)}", within_s=COMMAND_S)
    told = {unit: float(exposure) for unit, exposure in _OVERALL.findall(said)}
    table = "\n".join(f"{exposure:4.1f}  {unit}" for unit, exposure in sorted(told.items()))
    (booted.report / "security.txt").write_text(table + "\n", encoding="utf-8")
    assert set(units) == set(told)
    assert {unit: exposure for unit, exposure in told.items() if exposure > _MOST} == {}
