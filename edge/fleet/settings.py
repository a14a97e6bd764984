"""hub.toml: the hub's nodes and limits, as types. An unknown key is an error."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec

from edge.fleet.errors import FleetError

HUB_TOML: Final = "hub.toml"
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Name = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,32}$")]
_STEP = 10  # between the ports of nodes that share a machine


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One nats-server of the hub.

    `host` is the name or address that kiosks, people and the other nodes reach it by; it is in the certificate.
    `deliver` is a command that brings the node's folder to where it runs; {folder} and {host} stand for themselves.
    """

    host: Annotated[str, msgspec.Meta(pattern=r"^[^\s:/]+$")]
    listen: str = "0.0.0.0"  # noqa: S104 - kiosks come from anywhere, with TLS and a key
    client_port: _Port = 4222
    cluster_port: _Port = 6222
    leaf_port: _Port = 7422
    monitor_port: _Port = 8222
    deliver: list[str] = []


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the hub keeps. `replicas` is 3 where there are 3 nodes or more, else 1."""

    keep_days: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    keep_events_bytes: Annotated[int, msgspec.Meta(ge=1_000_000)] = 20 * 1024**3
    notices_days: Annotated[float, msgspec.Meta(gt=0)] = 365.0
    max_file_store: str = "50GB"
    store_dir: str = "store"
    ping_interval_s: Annotated[int, msgspec.Meta(ge=1, le=120)] = 20


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of hub.toml."""

    nodes: dict[_Name, Node]
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ValueError("a hub has at least one node")

    @property
    def replicas(self) -> int:
        """How many copies the hub keeps of each event."""
        return 3 if len(self.nodes) >= 3 else 1

    @property
    def client_urls(self) -> list[str]:
        """Where people and programs sign in."""
        return [f"tls://{node.host}:{node.client_port}" for node in self.nodes.values()]

    @property
    def leaf_urls(self) -> list[str]:
        """Where kiosks sign in."""
        return [f"tls://{node.host}:{node.leaf_port}" for node in self.nodes.values()]


def load(folder: Path) -> Settings:
    """Read hub.toml.

    Raises:
        FleetError: there is none, or it is wrong; the text names the key.
    """
    path = folder / HUB_TOML
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Settings)
    except FileNotFoundError:
        raise FleetError(f"there is no hub at {folder}: kiosk fleet hub {folder} --node NAME=HOST makes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise FleetError(f"{path}: {error}") from error


def first_settings(nodes: dict[str, str]) -> Settings:
    """Settings for nodes by name and host; those on one host get ports of their own.

    Raises:
        FleetError: a name or a host can't be one.
    """
    made: dict[str, Node] = {}
    for name, host in nodes.items():
        step = _STEP * sum(each.host == host for each in made.values())
        ports = {port: getattr(Node(host="x"), port) + step for port in PORTS}
        made[name] = Node(host=host, **ports)
    try:
        return msgspec.convert(msgspec.to_builtins(Settings(nodes=made)), Settings)
    except (msgspec.ValidationError, ValueError) as error:
        raise FleetError(f"a hub can't have these nodes: {error}") from error


PORTS: Final = ("client_port", "cluster_port", "leaf_port", "monitor_port")


DELIVER_EXAMPLE: Final = (
    '["rsync", "-t", "--rsync-path=sudo -n rsync", "{folder}/users.conf", "admin@{host}:/etc/kiosk-hub/"]'
)


def written(settings: Settings) -> str:
    """The settings as hub.toml, with a word on each."""
    limits = settings.limits
    lines = [
        "# The hub of a fleet. After a change: kiosk fleet apply --hub THIS_FOLDER (docs/fleet.md)",
        "",
        "[limits]",
        f"keep_days = {limits.keep_days:g}             # how long FLEET_EVENTS keeps an event",
        f"keep_events_bytes = {limits.keep_events_bytes}  # and how many bytes of them, each group for itself",
        f"notices_days = {limits.notices_days:g}         # of what was lost, by whom",
        f'max_file_store = "{limits.max_file_store}"     # what a node may write',
        f'store_dir = "{limits.store_dir}"          # where, from the folder that nats-server is started in',
        f"ping_interval_s = {limits.ping_interval_s}        # a kiosk that misses two pings is cut off",
    ]
    for name, node in settings.nodes.items():
        lines += ["", f"[nodes.{name}]", f'host = "{node.host}"', f'listen = "{node.listen}"']
        lines += [f"{port} = {getattr(node, port)}" for port in PORTS]
        if node.deliver:
            lines.append(f"deliver = {msgspec.json.encode(node.deliver).decode()}")
        else:
            lines.append(f"#deliver = {DELIVER_EXAMPLE}")
    return "\n".join(lines) + "\n"
