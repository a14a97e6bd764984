"""The kiosk's own side: its key for the hub, and what its nats-server includes to be a leaf node of it."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge.bus.files import put
from edge.bus.keys import KeyUnusable, UserKey, key_path, make_key, public_of, read_seed
from edge.bus.leaf import LeafLink
from edge.config import Config, Hub
from edge.contract.accounts import accounts
from edge.contract.fleet import ASKED_BY_DEFAULT, InFleet
from edge.fleet.errors import FleetError

CONF_NAME: Final = "nats-fleet.conf"
CA_NAME: Final = "hub-ca.pem"
KEY_USER: Final = "hub"  # the key's file is hub.nk
_MARK: Final = "# Drawn by `kiosk fleet join`: don't edit it, run that again."
_NO_HUB: Final = "kiosk.toml names no hub: this kiosk is in no fleet"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def make_kiosk_key(folder: Path, *, new: bool = False) -> UserKey:
    """The kiosk's key for the hub, made on the kiosk: its private half never leaves it.

    Raises:
        KeyUnusable: it can't be made, or the one that is there can't be used.
    """
    return make_key(folder, KEY_USER, replace=new)


def credential_key(credential: Path) -> str:
    """The public half of a credential that the hub gave.

    Raises:
        FleetError: it can't be used.
    """
    return public_of(_credential(credential))


def seed_for_hub(credential: Path | None, keys: Path) -> str:
    """The seed to sign in to the hub with: what the integrator gave (`credential`), else the one made on the kiosk.

    Raises:
        FleetError: there is neither, or it can't be used.
    """
    if credential is not None:
        return _credential(credential)
    path = key_path(keys, KEY_USER)
    try:
        return read_seed(path)
    except KeyUnusable as error:
        if not os.path.lexists(path):
            raise FleetError(f"this kiosk has no key for the hub yet: {_KEY_COMES_BY}") from error
        raise FleetError(f"the credential for the hub at {path} can't be used: {error}") from error


_KEY_COMES_BY: Final = "kiosk fleet key makes one, or its card brings one ([hub] credential in kiosk.toml)"


def _credential(path: Path) -> str:
    try:
        seed = path.read_text(encoding="utf-8").strip()
        public_of(seed)
    except KeyUnusable as error:
        raise FleetError(f"the credential for the hub at {path} can't be used: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"the credential for the hub at {path} can't be read: {error}") from error
    return seed


def member_of(config: Config) -> InFleet | None:
    """The kiosk as a member of a fleet, by kiosk.toml; None if it is in none.

    Raises:
        FleetError: what may be asked of it can't be.
    """
    if config.hub is None:
        return None
    asks = ASKED_BY_DEFAULT if config.hub.asks is None else tuple(config.hub.asks)
    try:
        return InFleet(config.kiosk.id, asks)
    except ValueError as error:
        raise FleetError(f"kiosk.toml, [hub] asks: {error}") from error


def join(
    config: Config,
    public_keys: Mapping[str, str] | None,
    seed: str | None,
    folder: Path,
    *,
    store: Path,
    group: int | None = None,
) -> bool:
    """Write what nats-server includes after everything else, and the hub's certificate; whether that changed anything.

    `public_keys` are the bus's, as for `kiosk bus keys`; `store` is where JetStream keeps its files. The file holds the
    kiosk's key: mode 0600, or with `group` (a number) 0640. Without a hub it is `stand_alone`'s.

    Raises:
        FleetError: kiosk.toml's hub can't be one, or the files can't be written.
    """
    member = member_of(config)
    if member is None or config.hub is None:
        return stand_alone(folder, _NO_HUB)
    if seed is None:
        raise FleetError("there is no credential for the hub")
    text = conf_text(config.hub, member, public_keys=public_keys, seed=seed, folder=folder, store=store)
    path = folder / CONF_NAME
    try:
        _make_room(path)
        # Before the file that names it.
        news = [config.hub.ca is not None and put(folder / CA_NAME, config.hub.ca.strip() + "\n")]
        news.append(put(path, text, mode=0o600 if group is None else 0o640))
        if group is not None:
            os.chown(path, -1, group)
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"{path} can't be written: {error}") from error
    return any(news)


def stand_alone(folder: Path, why: str) -> bool:
    """Write what nats-server includes where there is no link, with the reason as a comment; whether it was a change.

    It holds no secret, and everyone may read it: a server of whatever user starts with it.

    Raises:
        FleetError: it can't be written, or the file that is there isn't ours.
    """
    path = folder / CONF_NAME
    try:
        _make_room(path)
        return put(path, f"{_MARK}\n# {' '.join(why.split())}.\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"{path} can't be written: {error}") from error


def _make_room(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.read_text(encoding="utf-8").startswith(_MARK):
        raise FleetError(f"{path} was not written by kiosk fleet join; it is left alone: move it away first")


def conf_text(
    hub: Hub, member: InFleet, *, public_keys: Mapping[str, str] | None, seed: str, folder: Path, store: Path
) -> str:
    """The file itself: JetStream with its domain, the accounts with the hub's, and the link.

    Raises:
        FleetError: an address or the certificate can't be a hub's: nats-server would not start with it.
    """
    if hub.ca is not None:
        _check_certificate(hub.ca)
    urls = tuple(_leaf_url(url, hub) for url in (hub.url, *hub.more_urls))
    # Without a certificate of the fleet's own, the system's authorities vouch for the hub.
    link = LeafLink(member, urls, seed, folder.resolve() / CA_NAME if hub.ca else None)
    return "\n".join(
        [
            _MARK,
            "# It holds the kiosk's key for the hub. What it says again from nats-server.conf counts instead of that.",
            "jetstream: {",
            f"  store_dir: {json.dumps(str(store.resolve()))}",
            "  max_memory_store: 256MB",
            "  max_file_store: 1GB",
            "  sync_interval: always",
            f"  domain: {json.dumps(member.kiosk)}",
            "}",
            *link.lines(),
            accounts(public_keys, member),
        ]
    )


def _leaf_url(url: str, hub: Hub) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise FleetError(f"kiosk.toml, [hub]: an address there can't be read. {_ADDRESS_IS}") from None
    plain = not (parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment)
    local = parts.scheme == "nats" and host in _LOOPBACK and hub.ca is None
    if plain and _is_host(host) and port != 0 and (parts.scheme == "tls" or local):
        return url.rstrip("/")
    shown = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")  # not what stands before an @
    raise FleetError(f"kiosk.toml, [hub]: {shown} can't be a hub's address here. {_ADDRESS_IS}")


_ADDRESS_IS: Final = "It is tls://HOST:7422, as kiosk fleet add says"


def _is_host(host: str) -> bool:
    try:
        return bool(_HOST.fullmatch(host)) or bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def _check_certificate(pem: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise FleetError("kiosk.toml, [hub] ca: this is no certificate; kiosk fleet add gives the hub's") from error


def kiosk_toml(urls: list[str], ca: str, seed: str | None) -> str:
    """The section of kiosk.toml that makes a kiosk a member, to be put on its card."""
    lines = ["[hub]", f'url = "{urls[0]}"']
    if len(urls) > 1:
        lines.append(f"more_urls = {json.dumps(urls[1:])}")
    lines.append(f'ca = """\n{ca.strip()}\n"""')
    if seed is not None:
        lines.append(f'credential = "{seed}"')
    return "\n".join(lines) + "\n"
