"""What can be set in a printer's address."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from PIL import Image

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from drivers.printer.journal import Journal
from drivers.printer.logo import load_logo
from drivers.printer.python_escpos import PROFILES, Dummy

Confirm = Literal["printed", "id", "status", "none"]

OPTIONS: Final = ("columns", "profile", "timeout_ms", "print_ms", "confirm", "logo", "journal")
DOTS_PER_COLUMN: Final = 12
_CONFIRM: Final[dict[str, Confirm]] = {"printed": "printed", "id": "id", "status": "status", "none": "none"}


@dataclass(frozen=True)
class Settings:
    """How to print, and how long to wait.

    `columns` of font A: 48 on 80 mm paper, 32 on 58 mm. `profile` is python-escpos' name for the model.
    `confirm` is what a printed receipt is known by: "printed", the answer to GS r, which nearly every printer has;
    "id", the process id response (GS ( H), which newer Epsons send when the line is on paper and not just
    understood; "status", the printer's status right after it took the receipt; "none", nothing is ever asked.
    `answer_s` is for a connection and for an answer, `print_s` for a receipt. `logo` is dots, set where there
    is ink. `journal` remembers the jobs.
    """

    columns: int = 48
    profile: str = "default"
    confirm: Confirm = "printed"
    answer_s: float = 2.0
    print_s: float = 20.0
    logo: Image.Image | None = None
    journal: Journal = field(default_factory=Journal)


def settings_of(address: DeviceAddress) -> Settings:
    """The settings in an address' options; reads the logo and the journal.

    Raises:
        DeviceSetup: one of them can't be.
    """
    columns = address.number("columns", 48)
    if columns not in (32, 42, 48):
        raise DeviceSetup(f"{address.scheme}: columns={columns}; 48 fits 80 mm paper, 32 fits 58 mm")
    profile = address.options.get("profile", "default")
    if profile not in PROFILES:
        raise DeviceSetup(f"{address.scheme}: no profile {profile!r}; known: {', '.join(sorted(PROFILES))}")
    confirm = _CONFIRM.get(address.options.get("confirm", "printed"))
    if confirm is None:
        raise DeviceSetup(f"{address.scheme}: confirm can be {', '.join(_CONFIRM)}")
    answer_ms, print_ms = address.number("timeout_ms", 2000), address.number("print_ms", 20_000)
    if answer_ms <= 0 or print_ms <= 0:
        raise DeviceSetup(f"{address.scheme}: timeout_ms and print_ms are above 0")
    logo = None
    if "logo" in address.options:
        if not Dummy(profile=profile).profile.supports("bitImageRaster"):
            raise DeviceSetup(f"{address.scheme}: a printer with the profile {profile!r} prints no logo")
        logo = load_logo(Path(address.options["logo"]), columns * DOTS_PER_COLUMN)
    journal = Journal(Path(address.options["journal"]) if "journal" in address.options else None)
    return Settings(columns, profile, confirm, answer_ms / 1000, print_ms / 1000, logo, journal)
