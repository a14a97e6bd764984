"""What a booted image leaves for people to look at: where its boot's time went, its journal, what it audits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.qemu_shell import Shell

_TIMELINE: Final = {
    "systemd-time.txt": "systemd-analyze time",
    "systemd-blame.txt": "systemd-analyze blame --no-pager",
    "systemd-critical-chain.txt": "systemd-analyze critical-chain --no-pager kiosk.target",
    "systemd-plot.svg": "systemd-analyze plot",
    "memory.txt": "free -m; cat /proc/meminfo",
}


async def keep_journal(shell: Shell, folder: Path, within_s: float) -> None:
    """What the guest said since it started; for who must find out why."""
    _, said, wrong = await shell.tried("journalctl -b --no-pager -o short-monotonic", within_s=within_s)
    (folder / "journal.txt").write_text(said + wrong, encoding="utf-8")


async def keep_timeline(shell: Shell, folder: Path, within_s: float) -> None:
    """Where the boot's time went, into `folder`; each file says itself what could not be told."""
    for name, command in _TIMELINE.items():
        code, said, wrong = await shell.tried(command, within_s=within_s)
        (folder / name).write_text(said if code == 0 else f"{command}: code {code}\n{wrong}{said}", encoding="utf-8")
