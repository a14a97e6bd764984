"""The kiosk's own side: its key for the hub, and what its nats-server includes to be a leaf node of it."""

from __future__ import annotations

import json
import os
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
_ALONE: Final = f"{_MARK}\n# kiosk.toml names no hub: this kiosk is in no fleet.\n"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def make_kiosk_key(folder: Path, *, new: bool = False) -> UserKey:
    """The kiosk's key for the hub, made on the kiosk: its private half never leaves it.

    Raises:
        KeyUnusable: it can't be made, or the one that is there can't be used.
    """
    return make_key(folder, KEY_USER, replace=new)


def seed_for_hub(credential: Path | None, keys: Path) -> str:
    """The seed to sign in to the hub with: what the integrator gave (`credential`), else the one made on the kiosk.

    Raises:
        FleetError: there is neither, or it can't be used.
    """
    try:
        if credential is not None:
            seed = credential.read_text(encoding="utf-8").strip()
            public_of(seed)
            return seed
        return read_seed(key_path(keys, KEY_USER))
    except KeyUnusable as error:
        where = credential or key_path(keys, KEY_USER)
        raise FleetError(f"the credential for the hub at {where} can't be used: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"the credential for the hub at {credential} can't be read: {error}") from error


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
    kiosk's key: mode 0600, or with `group` (a number) 0640.

    Raises:
        FleetError: kiosk.toml's hub can't be one, or the files can't be written.
    """
    member = member_of(config)
    if member is None or config.hub is None:
        text = _ALONE
    else:
        if seed is None:
            raise FleetError("there is no credential for the hub")
        text = conf_text(config.hub, member, public_keys=public_keys, seed=seed, folder=folder, store=store)
    path = folder / CONF_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.read_text(encoding="utf-8").startswith(_MARK):
            raise FleetError(f"{path} was not written by kiosk fleet join; it is left alone: move it away first")
        news = [put(path, text, mode=0o600 if group is None else 0o640)]
        if group is not None:
            os.chown(path, -1, group)
        if config.hub is not None and config.hub.ca is not None:
            news.append(put(folder / CA_NAME, config.hub.ca.strip() + "\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"{path} can't be written: {error}") from error
    return any(news)


def conf_text(
    hub: Hub, member: InFleet, *, public_keys: Mapping[str, str] | None, seed: str, folder: Path, store: Path
) -> str:
    """The file itself: JetStream with its domain, the accounts with the hub's, and the link.

    Raises:
        FleetError: an address can't be a hub's.
    """
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
    parts = urlsplit(url)
    if parts.scheme == "tls":
        return url
    if parts.scheme == "nats" and parts.hostname in _LOOPBACK and hub.ca is None:
        return url
    raise FleetError(
        f"kiosk.toml, [hub]: {parts.scheme}://{parts.netloc} can't be a hub's address here. It is tls://HOST:7422, "
        "as kiosk fleet add says"
    )


def kiosk_toml(urls: list[str], ca: str, seed: str | None) -> str:
    """The section of kiosk.toml that makes a kiosk a member, to be put on its card."""
    lines = ["[hub]", f'url = "{urls[0]}"']
    if len(urls) > 1:
        lines.append(f"more_urls = {json.dumps(urls[1:])}")
    lines.append(f'ca = """\n{ca.strip()}\n"""')
    if seed is not None:
        lines.append(f'credential = "{seed}"')
    return "\n".join(lines) + "\n"
