"""An agent that hangs is ended by systemd's watchdog, and serves again."""

from __future__ import annotations

from bench.qemu_bench import COMMAND_S, QemuBench
from bench.waiting import until

_UNIT = "kiosk-agent-recsys.service"
_FREED_S = 1200.0  # the watchdog's 15 s are 2 minutes for an emulated kiosk; then it starts


async def test_an_agent_that_hangs_is_started_again(booted: QemuBench) -> None:
    async def told(what: str) -> str:
        return (await booted.shell.run(f"systemctl show -P {what} {_UNIT}", within_s=COMMAND_S)).strip()

    before = int(await told("NRestarts"))
    await booted.shell.run(f"systemctl kill -s STOP {_UNIT}", within_s=COMMAND_S)

    async def is_back() -> bool:
        return int(await told("NRestarts")) > before and await told("ActiveState") == "active"

    await until(is_back, f"{_UNIT} to be started again", timeout_s=_FREED_S)
    journal = await booted.shell.run(f"journalctl -b --no-pager -o cat -u {_UNIT}", within_s=COMMAND_S)
    assert "Watchdog timeout" in journal
