"""A kiosk of two slots in a folder, whose firmware is the documented rule."""

from __future__ import annotations

from pathlib import Path

from edge.update.firmware import autoboot_text, booted_slot
from edge.update.slots import Slots


class Machine:
    """Its configuration partition, its data, and /proc as the boot it is in has it."""

    def __init__(self, folder: Path, slot: str = "A") -> None:
        self.boot, self.data, self.proc = (folder / name for name in ("boot", "data", "proc"))
        for each in (self.boot, self.data, self.proc / "sys/kernel/random"):
            each.mkdir(parents=True)
        (self.boot / "autoboot.txt").write_text(autoboot_text(slot), encoding="ascii")
        self.boots = 0
        self.running = slot
        self.power_on()

    @property
    def slots(self) -> Slots:
        return Slots(self.boot, self.data, proc=self.proc)

    @property
    def environment(self) -> dict[str, str]:
        return {"KIOSK_BOOT": str(self.boot), "KIOSK_DATA": str(self.data), "KIOSK_PROC": str(self.proc)}

    def power_on(self, *, tryboot: bool = False) -> str:
        """Boot as the firmware does; the slot that runs."""
        text = (self.boot / "autoboot.txt").read_text(encoding="ascii")
        self.running = booted_slot(text, tryboot=tryboot)
        self.boots += 1
        (self.proc / "cmdline").write_text(f"console=ttyS0 rauc.slot={self.running} quiet\n", encoding="ascii")
        (self.proc / "sys/kernel/random/boot_id").write_text(f"boot-{self.boots}\n", encoding="ascii")
        return self.running

    def install(self, version: str = "2.0") -> str:
        """What RAUC asks of the handler in an install; the slot written."""
        slots = self.slots
        target = "B" if self.running == "A" else "A"
        slots.expect(version, ("printer",))
        slots.set_bad(target)
        slots.set_primary(target)
        return target
