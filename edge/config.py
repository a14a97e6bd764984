"""kiosk.toml as types. Every key has a default: an empty file is a kiosk. An unknown key is an error."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from edge.contract.subjects import AGENTS

DEFAULT_DATA_DIR = Path("/data")


class ConfigError(Exception):
    """kiosk.toml can't be used; the text names the file and the key."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of kiosk.toml."""


class Kiosk(_Section, frozen=True, kw_only=True):
    """Who this kiosk is."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")] = "kiosk-001"
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
    """The dishes; without a file, the ones that ship with kiosk-edge."""

    file: Path | None = None


class Models(_Section, frozen=True, kw_only=True):
    """Where the models are; without a folder, where `kiosk models pull` puts them."""

    folder: Path | None = None


class Payment(_Section, frozen=True, kw_only=True):
    """How payments are taken. The sandbox moves no money."""

    gateway: Annotated[str, msgspec.Meta(pattern="^sandbox$")] = "sandbox"
    tap_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=28)] = 28.0
    declined_cards: list[Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]] = []


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


class Config(_Section, frozen=True, kw_only=True):
    """All of kiosk.toml."""

    kiosk: Kiosk = Kiosk()
    bus: Bus = Bus()
    devices: Devices = Devices()
    menu: Menu = Menu()
    models: Models = Models()
    payment: Payment = Payment()
    telemetry: Telemetry = Telemetry()
    monitor: Monitor = Monitor()


def parse(text: str, *, source: str = "kiosk.toml") -> Config:
    """Read a configuration.

    Raises:
        ConfigError: not TOML, an unknown key, or a value of the wrong kind; the text names `source` and key.
    """
    try:
        return msgspec.convert(tomllib.loads(text), Config, dec_hook=_decode_path)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_in_words(str(error))}") from error


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


def _in_words(text: str) -> str:
    """msgspec's words with the key as TOML writes it: ``devices.printer`` for ``$.devices.printer``."""
    what, _, path = text.partition(" - at `$")
    key = path.rstrip("`").removeprefix(".")
    unknown = "Object contains unknown field `"
    if what.startswith(unknown):
        name = what.removeprefix(unknown).rstrip("`")
        return f"unknown key {'.'.join(part for part in (key, name) if part)!r}"
    return f"key {key!r}: {what[:1].lower()}{what[1:]}" if key else what
