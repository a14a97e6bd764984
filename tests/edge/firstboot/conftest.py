"""A card, a data partition and a system below tmp_path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.firstboot import Outcome, Places, first_boot

WIFI_PASSWORD = "correct horse battery"
CREDENTIAL = "hub-credential-4711"
GUEST_PASSWORD = "guests are welcome"
SECRETS = (WIFI_PASSWORD, CREDENTIAL, GUEST_PASSWORD)

KIOSK_TOML = f"""\
# The kiosk at the door.
[kiosk]
id = "Shop_7"
timezone = "Europe/Vienna"

[devices]
printer = "escpos+tcp://10.0.0.5:9100"

[network.wifi]
ssid = "Shop"
password = "{WIFI_PASSWORD}"  # ask Maria

[hub]
url = "https://hub.example"
credential = "{CREDENTIAL}"
"""

NMCONNECTION = f"""\
[connection]
id=guests
type=wifi

[wifi]
ssid=Guests

[wifi-security]
key-mgmt=wpa-psk
psk={GUEST_PASSWORD}
"""

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBmVvNNoxDjOlUgYmVa7jRWNRqAiC7NiIhB/CJW0LzAU maria@shop"


@dataclass(frozen=True)
class Kiosk:
    """A kiosk that can be switched on."""

    places: Places

    def card(self, name: str) -> Path:
        return self.places.boot / name

    def write(self, name: str, text: str | bytes) -> None:
        self.card(name).write_bytes(text.encode() if isinstance(text, str) else text)

    def boot(self) -> Outcome:
        return first_boot(self.places)

    def on_card(self) -> str:
        """All that the card holds, names and contents."""
        found = (path for path in sorted(self.places.boot.rglob("*")) if path.is_file())
        return "\n".join(f"{path.name}: {path.read_bytes().decode('utf-8', 'replace')}" for path in found)


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    places = Places(tmp_path / "boot", tmp_path / "data", tmp_path / "root")
    places.boot.mkdir()
    places.data.mkdir()
    (places.root / "etc").mkdir(parents=True)
    return Kiosk(places)
