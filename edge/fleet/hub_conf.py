"""The hub's folder: everything that its nats-servers are configured with, drawn from hub.toml and the register."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.bus.files import put
from edge.bus.keys import KeyUnusable, key_path, make_key, public_key
from edge.contract.fleet import HUB_ACCOUNT, HUB_DOMAIN, keeper_rights, kiosk_rights, person_rights
from edge.fleet import settings as settings_file
from edge.fleet.certificates import CA, NODE, NODE_KEY, make_authority, make_node
from edge.fleet.errors import FleetError
from edge.fleet.register import KEEPER, OWN_USERS, SYSTEM, Person, Register, changing, load
from edge.fleet.settings import HUB_TOML, Node, Settings

OPERATOR: Final = "operator"  # the person that every hub begins with, who may ask every kiosk
SERVER_CONF: Final = "nats-server.conf"
USERS_CONF: Final = "users.conf"
_CLUSTER: Final = "kiosk-fleet"
_MARK = "# Drawn by `kiosk fleet`: don't edit it, change hub.toml or the register by kiosk fleet.\n"


@dataclass(frozen=True)
class HubFolder:
    """Where a hub is looked after: hub.toml, register.json, ca.pem and its key, keys/, a folder a node in nodes/."""

    path: Path

    @property
    def keys(self) -> Path:
        """The keys of the hub's own users and of people."""
        return self.path / "keys"

    @property
    def ca(self) -> Path:
        """The certificate by which the hub is known."""
        return self.path / CA

    def node(self, name: str) -> Path:
        """What one node needs, and nothing else."""
        return self.path / "nodes" / name

    def settings(self) -> Settings:
        """hub.toml.

        Raises:
            FleetError: there is none, or it is wrong.
        """
        return settings_file.load(self.path)

    def register(self) -> Register:
        """Who belongs to the fleet.

        Raises:
            FleetError: it can't be read.
        """
        return load(self.path)


def found(folder: HubFolder, wanted: Settings) -> None:
    """Begin a hub in `folder`; where there is one already its hub.toml holds.

    Raises:
        FleetError: the folder can't be written.
    """
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder.path / HUB_TOML).exists():
            put(folder.path / HUB_TOML, settings_file.written(wanted))
    except OSError as error:
        raise FleetError(f"{folder.path} can't be written: {error.strerror}") from error


def draw(folder: HubFolder) -> list[str]:
    """Draw every node's folder anew from hub.toml and the register; the nodes for which that changed anything.

    Raises:
        FleetError, KeyUnusable: it can't be done.
    """
    settings = folder.settings()
    try:
        (folder.path / "nodes").mkdir(exist_ok=True)
        own = {user: make_key(folder.keys, user).public for user in OWN_USERS}
        with changing(folder.path) as register:
            if not register.own:
                register.people[OPERATOR] = Person(key=make_key(folder.keys, OPERATOR).public, asks=["*"])
            register.own = own
        make_authority(folder.path)
        changed = []
        users = users_conf(register)
        for name, node in settings.nodes.items():
            at = folder.node(name)
            at.mkdir(mode=0o700, exist_ok=True)
            news = [
                make_node(folder.path, at, node.host),
                put(at / CA, folder.ca.read_text(encoding="utf-8")),
                put(at / USERS_CONF, users),
                put(at / SERVER_CONF, server_conf(name, settings)),
            ]
            if any(news):
                changed.append(name)
        for left in (folder.path / "nodes").iterdir():
            if left.name not in settings.nodes and (left / USERS_CONF).exists() and not (left / "store").exists():
                shutil.rmtree(left)
    except OSError as error:
        raise FleetError(f"{error.filename or folder.path}: {error.strerror or error}") from error
    return changed


def add_person(folder: HubFolder, name: str, asks: list[str]) -> Path:
    """Let a person in, with a key of their own; where the key is.

    Raises:
        FleetError, KeyUnusable: the name is taken by the hub itself or by nobody's kiosk, or a key can't be made.
    """
    if name in OWN_USERS or not name.isidentifier():
        raise FleetError(f"{name!r} can't be a person's name here: letters, digits and _, and not {KEEPER} or {SYSTEM}")
    with changing(folder.path) as register:
        unknown = [kiosk for kiosk in asks if kiosk != "*" and kiosk not in register.active]
        if unknown:
            raise FleetError(f"the fleet has no kiosk {unknown[0]!r}")
        key = make_key(folder.keys, name).public
        register.people[name] = Person(key=key, asks=asks)
    return key_path(folder.keys, name)


def remove_person(folder: HubFolder, name: str) -> None:
    """Let a person in no longer.

    Raises:
        FleetError: there is no such person.
    """
    with changing(folder.path) as register:
        if register.people.pop(name, None) is None:
            raise FleetError(f"there is no person {name!r}; there are: {', '.join(register.people) or 'none'}")
        key_path(folder.keys, name).unlink(missing_ok=True)


def write_pass(folder: HubFolder, user: str, to: Path) -> None:
    """Write what `user` needs to reach the hub from elsewhere: addresses, the hub's certificate, their key.

    Raises:
        FleetError: there is no such user, or the folder can't be written.
    """
    key = checked_key(folder, user)
    try:
        keys = HubFolder(to).keys
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        put(to / HUB_TOML, settings_file.written(folder.settings()))
        put(to / CA, folder.ca.read_text(encoding="utf-8"))
        put(key_path(keys, user), key.read_text(encoding="utf-8"), mode=0o600)
    except OSError as error:
        raise FleetError(f"{error.filename or to}: {error.strerror or error}") from error


def checked_key(folder: HubFolder, user: str) -> Path:
    """The key file of `user`.

    Raises:
        FleetError: there is none that can be used.
    """
    path = key_path(folder.keys, user)
    try:
        public_key(path)
    except KeyUnusable as error:
        raise FleetError(f"{user} can't sign in to the hub: {error}") from error
    return path


def users_conf(register: Register) -> str:
    """Who may sign in to the hub, and what each may do there."""
    users: list[dict[str, Any]] = [{"nkey": register.own[KEEPER], "permissions": keeper_rights(KEEPER)}]
    users += [
        {"nkey": person.key, "permissions": person_rights(name, person.asks)}
        for name, person in register.people.items()
    ]
    users += [
        {"nkey": member.key, "permissions": kiosk_rights(kiosk)} for kiosk, member in sorted(register.active.items())
    ]
    return "\n".join(
        [
            f"{_MARK}# It holds public keys and permissions, no secret.",
            "accounts: {",
            f"  SYS: {{ users: [ {{ nkey: {register.own[SYSTEM]} }} ] }}",
            f"  {HUB_ACCOUNT}: {{ jetstream: enabled, users: [",
            *(json.dumps(user) for user in users),  # one a line: a change is one line in a diff
            "  ] }",
            "}",
            "system_account: SYS",
            "",
        ]
    )


def server_conf(name: str, settings: Settings) -> str:
    """One node's nats-server.conf. Its paths are from the folder that nats-server is started in: this one."""
    node, limits = settings.nodes[name], settings.limits
    tls = f'cert_file: "{NODE}", key_file: "{NODE_KEY}", ca_file: "{CA}", timeout: 5'
    lines = [
        f"{_MARK.rstrip()}",
        f"# In this folder: nats-server -c {SERVER_CONF}",
        f"server_name: {name}",
        f'listen: "{node.listen}:{node.client_port}"',
        f'client_advertise: "{node.host}:{node.client_port}"',
        f'http: "127.0.0.1:{node.monitor_port}"',
        f'ping_interval: "{limits.ping_interval_s}s"',
        "ping_max: 2",
        f"tls: {{ {tls} }}",
        "jetstream: {",
        f'  store_dir: "{limits.store_dir}"',
        f"  domain: {HUB_DOMAIN}",
        "  max_memory_store: 256MB",
        f"  max_file_store: {limits.max_file_store}",
        "}",
        "leafnodes: {",
        f'  listen: "{node.listen}:{node.leaf_port}"',
        "  no_advertise: true",  # kiosks know every node by their kiosk.toml
        "  isolate_leafnode_interest: true",  # kiosks have nothing to say to each other, and each would cost the others
        # s2 keeps megabytes for each connection; from 10 ms of round trip on nats-server would use it (docs/fleet.md).
        "  compression: off",
        f"  tls: {{ {tls} }}",
        "}",
    ]
    if len(settings.nodes) > 1:
        lines += [
            "cluster: {",
            f"  name: {_CLUSTER}",
            f'  listen: "{node.listen}:{node.cluster_port}"',
            f'  cluster_advertise: "{node.host}:{node.cluster_port}"',
            f"  routes: {json.dumps([_route(each) for each in settings.nodes.values()])}",
            f"  tls: {{ {tls}, verify: true }}",  # who has no node's certificate is no node
            "}",
        ]
    return "\n".join([*lines, f"include ./{USERS_CONF}"]) + "\n"


def _route(node: Node) -> str:
    return f"tls://{node.host}:{node.cluster_port}"
