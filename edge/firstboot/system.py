"""What of the configuration is the system's: its name, time zone and network, and the keys of the bus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from edge.bus.keys import CONF_NAME, KeyUnusable, key_path, make_keys, public_key, write_conf
from edge.config import Network, device_key
from edge.contract.permissions import SIGNED_IN
from edge.firstboot.durable import make_folder, owner_of, put, remove, root_with, sync_folder
from edge.firstboot.wifi import wired, wireless

CARD_GROUP: Final = "kiosk-cards"  # the agents that turn cards into tokens


def hostname_of(kiosk_id: str) -> str:
    """The kiosk's id as a host's name (RFC 1123): small letters, digits and hyphens."""
    return kiosk_id.lower().replace("_", "-")[:63].strip("-") or "kiosk"


def set_hostname(root: Path, name: str) -> None:
    """Write the host's name below `root`.

    Raises:
        OSError: it can't be written.
    """
    put(root / "etc" / "hostname", f"{name}\n".encode(), mode=0o644)
    hosts = root / "etc" / "hosts"
    before = hosts.read_text(encoding="utf-8").splitlines() if hosts.is_file() else ["127.0.0.1\tlocalhost"]
    lines = [line for line in before if not line.startswith("127.0.1.1")]
    put(hosts, "\n".join([*lines, f"127.0.1.1\t{name}", ""]).encode(), mode=0o644)


def set_timezone(root: Path, zone: str) -> None:
    """Make `zone` the local time below `root`.

    Raises:
        OSError: it can't be written.
    """
    put(root / "etc" / "timezone", f"{zone}\n".encode(), mode=0o644)
    link = root / "etc" / "localtime"
    target = f"/usr/share/zoneinfo/{zone}"
    if link.is_symlink() and str(link.readlink()) == target:
        return
    new = link.with_name(".localtime.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
    sync_folder(link.parent)


def set_network(connections: Path, network: Network, password: str | None) -> None:
    """Write kiosk.toml's connections for NetworkManager, and remove those that it doesn't have any more.

    Raises:
        OSError: one can't be written.
    """
    make_folder(connections, mode=0o700)
    wifi = wireless(network.wifi, password) if network.wifi else None
    for name, text in (("kiosk-wifi", wifi), ("kiosk-wired", wired(network))):
        path = connections / f"{name}.nmconnection"
        if text is None:
            remove(path)
        else:
            put(path, text.encode(), mode=0o600)


def draw_keys(data: Path, run: Path) -> list[str]:
    """Draw the bus's keys and the device's own where they aren't there yet; the users whose damaged keys were replaced.

    What nats-server includes is beside the keys, and as ``kiosk/nats-auth.conf``, where a server of another user can
    read it. Each ``kiosk-<user>`` that the system has gets its own key in ``run/kiosk/keys/<user>``, for
    ``KIOSK_BUS_KEYS``.

    Raises:
        KeyUnusable, ConfigError, OSError: they can't be drawn.
    """
    folder = data / "keys"
    damaged = [user for user in SIGNED_IN if _is_damaged(key_path(folder, user))]
    made = make_keys(folder, replace=damaged)
    public = {each.user: each.public for each in made}
    write_conf(folder / CONF_NAME, public)
    write_conf(data / "kiosk" / CONF_NAME, public)
    device_key(data)
    card_group = root_with(CARD_GROUP)
    if card_group is not None:
        put(data / "device.key", (data / "device.key").read_bytes(), mode=0o640, owner=card_group)
    for user in SIGNED_IN:
        owner = owner_of(f"kiosk-{user}")
        if owner is not None:
            hand = run / "kiosk" / "keys" / user
            make_folder(hand, mode=0o700, owner=owner)
            put(key_path(hand, user), key_path(folder, user).read_bytes(), mode=0o600, owner=owner)
    return damaged


def _is_damaged(path: Path) -> bool:
    """Whether a key is there and can't be used. Nobody outside this device knows it: a new one is as good."""
    if not os.path.lexists(path):
        return False
    try:
        public_key(path)
    except KeyUnusable:
        return True
    return False
