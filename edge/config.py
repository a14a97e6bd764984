"""kiosk.toml as types. Every key has a default: an empty file is a kiosk. An unknown key is an error."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec

from edge.contract.subjects import AGENTS

DEFAULT_DATA_DIR = Path("/data")


class ConfigError(Exception):
    """kiosk.toml can't be used; the text names the file and the key."""


class KeyMistake(ConfigError):
    """One key is unknown, missing or has a value that can't be. `key` is its place, `reason` what is wrong with it."""

    def __init__(self, source: str, key: tuple[str, ...], reason: str, *, unknown: bool = False) -> None:
        self.key, self.reason, self.unknown = key, reason, unknown
        name = ".".join(key)
        words = f"unknown key {name!r}" if unknown else f"key {name!r}: {reason}" if key else reason
        super().__init__(f"{source}: {words}")


_SECRET = "secret"
# Text that nobody may read who has no business with it: `kiosk firstboot` keeps it out of the applied kiosk.toml.
Secret = Annotated[str, msgspec.Meta(extra={_SECRET: True})]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of kiosk.toml."""


class Kiosk(_Section, frozen=True, kw_only=True):
    """Who this kiosk is, and the time zone it is in, as in "Europe/Vienna"."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")] = "kiosk-001"
    timezone: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$")] = "UTC"
    shop: Annotated[str, msgspec.Meta(min_length=1, max_length=48)] = "Kiosk Edge"
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "USD"
    data_dir: Path = DEFAULT_DATA_DIR


class Bus(_Section, frozen=True, kw_only=True):
    """Where the bus is (specification 2.3), and the folder of keys to sign in with; without, it must want none."""

    url: str = "nats://localhost:4222"
    keys: Path | None = None


class Devices(_Section, frozen=True, kw_only=True):
    """Which device is where; each a URL that its driver's storefront explains.

    `gpio` are the cabinet's wires, where it has any. `isolated` gives each device whose library may hang a process of
    its own.
    """

    leds: str = "simulated:"
    nfc: str = "simulated:"
    printer: str = "simulated:"
    camera: str = "simulated:"
    microphone: str = "simulated:"
    gpio: str | None = None
    isolated: bool = True


class Menu(_Section, frozen=True, kw_only=True):
    """The dishes; without a file, those that ship with kiosk-edge. How often it is looked whether the file changed."""

    file: Path | None = None
    look_every_s: Annotated[float, msgspec.Meta(ge=0.05, le=3600)] = 2.0


class Recsys(_Section, frozen=True, kw_only=True):
    """Suggestions: for how many days past orders tell what goes together."""

    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 90


class Models(_Section, frozen=True, kw_only=True):
    """Where the models are; without a folder, where `kiosk models pull` puts them."""

    folder: Path | None = None


_Url = Annotated[str, msgspec.Meta(pattern="^https?://[^/?#]+")]


class Stripe(_Section, frozen=True, kw_only=True):
    """A reader of Stripe Terminal: a secret or restricted key, the reader's id. `api_url` is Stripe's, if not given."""

    key: Secret
    reader: Annotated[str, msgspec.Meta(pattern="^tmr_[A-Za-z0-9_]+$")]
    api_url: _Url | None = None


class Sumup(_Section, frozen=True, kw_only=True):
    """A SumUp reader: an API key, the merchant's code, the reader's id, and the affiliate key with its app's id."""

    key: Secret
    merchant: Annotated[str, msgspec.Meta(min_length=1)]
    reader: Annotated[str, msgspec.Meta(min_length=1)]
    app_id: Annotated[str, msgspec.Meta(min_length=1)]
    affiliate_key: Secret
    api_url: _Url | None = None


class Payment(_Section, frozen=True, kw_only=True):
    """How payments are taken. The sandbox moves no money.

    A charge that nobody has heard of for `unclaimed_s` is given back. `sandbox_url` is a sandbox that runs elsewhere,
    as in "tcp://127.0.0.1:4250".
    """

    gateway: Annotated[str, msgspec.Meta(pattern="^(sandbox|stripe|sumup)$")] = "sandbox"
    tap_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=28)] = 28.0
    unclaimed_s: Annotated[float, msgspec.Meta(ge=30, le=3600)] = 120.0
    declined_cards: list[Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]] = []
    sandbox_url: Annotated[str, msgspec.Meta(pattern="^tcp://[^/]+:[0-9]+$")] | None = None
    stripe: Stripe | None = None
    sumup: Sumup | None = None

    def __post_init__(self) -> None:
        if self.gateway != "sandbox" and getattr(self, self.gateway) is None:
            raise ValueError(f"the gateway {self.gateway} needs [payment.{self.gateway}]")


_Wait = Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Orchestrator(_Section, frozen=True, kw_only=True):
    """How long a customer is waited for, in seconds (docs/session.md), and where a phone finds receipts."""

    idle_s: _Wait = 60.0
    idle_warning_s: _Wait = 15.0
    gaze_holds_s: _Wait = 180.0
    gaze_lapse_s: _Wait = 3.0
    left_grace_s: _Wait = 8.0
    left_warning_s: _Wait = 5.0
    receipt_s: _Wait = 8.0
    unprinted_receipt_s: _Wait = 30.0
    goodbye_s: _Wait = 4.0
    missing_after_s: _Wait = 5.0
    surroundings_s: _Wait = 2.0
    resume_s: _Wait = 120.0
    receipts_url: Annotated[str, msgspec.Meta(pattern="^https?://[^/?#]+(/[^?#]*)?$")] | None = None

    def __post_init__(self) -> None:
        if self.idle_warning_s >= self.idle_s:
            raise ValueError("idle_warning_s has to be less than idle_s")


class Monitor(_Section, frozen=True, kw_only=True):
    """The monitor: its port on loopback, nats-server's own, how often it looks, which agents have to be up."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8223
    server_url: Annotated[str, msgspec.Meta(pattern="^https?://")] = "http://127.0.0.1:8222"
    interval_s: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 5.0
    agents: list[Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(AGENTS)})$")]] = msgspec.field(
        default_factory=lambda: list(AGENTS)
    )


class Telemetry(_Section, frozen=True, kw_only=True):
    """Where spans go: an OTLP/HTTP collector such as "http://collector:4318"; without one, nowhere.

    Needs the extra `telemetry`.
    """

    endpoint: Annotated[str, msgspec.Meta(pattern="^https?://[^/?#]+(/[^?#]*)?$")] | None = None


class Page(_Section, frozen=True, kw_only=True):
    """Where the kiosk page is served on loopback, and where it finds nats-server's WebSocket."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    websocket_url: Annotated[str, msgspec.Meta(pattern="^wss?://[^/?#]+")] = "ws://127.0.0.1:9222"


class Wifi(_Section, frozen=True, kw_only=True):
    """A wireless network with a password (WPA2 or WPA3 personal), or with "" an open one.

    Whatever else NetworkManager can do (enterprise, certificates) goes into a wifi.nmconnection of its own.
    """

    ssid: Annotated[str, msgspec.Meta(min_length=1)]
    password: Secret | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.ssid.encode()) <= 32 or not self.ssid.isprintable():
            raise ValueError("the ssid has to have 1 to 32 bytes, all of them printable")
        if self.password and not is_wifi_password(self.password):
            raise ValueError("a wireless network's password has 8 to 63 ASCII characters, or 64 hexadecimal digits")


class Network(_Section, frozen=True, kw_only=True):
    """How the kiosk is on the network. Without an `address` (as in "10.0.0.20/24") the wire asks for one by DHCP."""

    address: str | None = None
    gateway: str | None = None
    dns: list[str] = []
    wifi: Wifi | None = None

    def __post_init__(self) -> None:
        if self.address is None:
            if self.gateway is not None:
                raise ValueError("a gateway goes with an address")
        elif "/" not in self.address:
            raise ValueError("the address needs its network's length, as in 10.0.0.20/24")
        else:
            inside = ipaddress.ip_interface(self.address).network
            if self.gateway is not None and ipaddress.ip_address(self.gateway) not in inside:
                raise ValueError(f"the gateway isn't in the network {inside}")
        for server in self.dns:
            ipaddress.ip_address(server)


class Hub(_Section, frozen=True, kw_only=True):
    """The hub that this kiosk belongs to, and what it signs in there with (docs/fleet.md).

    `more_urls` are the hub's other nodes, `ca` the certificate by which it is known (PEM), `credential` the seed of the
    kiosk's nkey where it wasn't made on the kiosk, `asks` the commands that the hub may ask; None is the default.
    """

    url: Annotated[str, msgspec.Meta(pattern="^(https|wss|tls|nats)://[^/?#]+")]
    more_urls: list[Annotated[str, msgspec.Meta(pattern="^(https|wss|tls|nats)://[^/?#]+")]] = []
    ca: Annotated[str, msgspec.Meta(pattern="^\\s*-----BEGIN CERTIFICATE-----\\s")] | None = None
    credential: Secret | None = None
    asks: list[str] | None = None


class Config(_Section, frozen=True, kw_only=True):
    """All of kiosk.toml."""

    kiosk: Kiosk = Kiosk()
    bus: Bus = Bus()
    devices: Devices = Devices()
    menu: Menu = Menu()
    recsys: Recsys = Recsys()
    models: Models = Models()
    payment: Payment = Payment()
    orchestrator: Orchestrator = Orchestrator()
    telemetry: Telemetry = Telemetry()
    monitor: Monitor = Monitor()
    page: Page = Page()
    network: Network = Network()
    hub: Hub | None = None


def is_wifi_password(text: str) -> bool:
    """Whether `text` can be a WPA passphrase (IEEE 802.11: 8 to 63 printable ASCII characters) or its 256-bit key."""
    return re.fullmatch(r"[\x20-\x7e]{8,63}|[0-9A-Fa-f]{64}", text) is not None


def secret_keys() -> list[tuple[str, ...]]:
    """The place of every key that holds a secret, such as ("hub", "credential")."""
    return sorted(_secrets_of(Config))


def known_keys(table: tuple[str, ...]) -> list[str]:
    """The keys that the table at this place may have; none if there is no such table."""
    kind: Any = Config
    for part in table:
        kind = _table_in(get_type_hints(kind, include_extras=True).get(part))
        if kind is None:
            return []
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _secrets_of(kind: type[_Section], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, hint in get_type_hints(kind, include_extras=True).items():
        inner = _table_in(hint)
        if inner is not None:
            yield from _secrets_of(inner, (*at, name))
        elif hint == Secret or Secret in get_args(hint):
            yield (*at, name)


def _table_in(hint: Any) -> type[_Section] | None:
    """The table that a key of this type holds, if it is one."""
    for kind in (hint, *get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, _Section):
            return kind
    return None


def parse(text: str, *, source: str = "kiosk.toml") -> Config:
    """Read a configuration.

    Raises:
        ConfigError: not TOML, an unknown key, or a value of the wrong kind; the text names `source` and key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: {error}") from error
    return from_document(document, source=source)


def from_document(document: dict[str, Any], *, source: str = "kiosk.toml") -> Config:
    """What TOML's tables say, as the configuration.

    Raises:
        KeyMistake: an unknown key, or a value of the wrong kind: the first of them.
    """
    try:
        return msgspec.convert(document, Config, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        raise _mistake(source, str(error)) from error


def load(path: Path) -> Config:
    """Read the configuration file at `path`.

    Raises:
        ConfigError: as for `parse`, or the file can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}") from error
    return parse(text, source=str(path))


def device_key(data_dir: Path) -> bytes:
    """The device's own key (32 bytes), made at the first call: card identifiers leave it only as HMACs.

    Raises:
        ConfigError: it can't be read or made, or is not 32 bytes.
    """
    path = data_dir / "device.key"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(os.urandom(32))
                file.flush()
                os.fsync(file.fileno())
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the device key {path} can't be used: {error}") from error
    if len(key) != 32:
        raise ConfigError(f"the device key {path} is damaged: {len(key)} bytes, not 32; delete it to make a new one")
    return key


def _decode_path(wanted: type, raw: object) -> object:
    if wanted is Path and isinstance(raw, str):
        return Path(raw).expanduser()
    raise NotImplementedError(f"{wanted.__name__} has no place in kiosk.toml")


def _mistake(source: str, text: str) -> KeyMistake:
    """msgspec's words with the key as TOML writes it: ``devices.printer`` for ``$.devices.printer``."""
    what, _, path = text.partition(" - at `$")
    key = tuple(part for part in re.sub(r"\[[^]]*\]", "", path.rstrip("`")).split(".") if part)
    field = re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", what)
    if field is None:
        return KeyMistake(source, key, f"{what[:1].lower()}{what[1:]}")
    if field[1] == "missing required":
        return KeyMistake(source, key, f"{field[2]!r} is missing")
    return KeyMistake(source, (*key, field[2]), "unknown key", unknown=True)
