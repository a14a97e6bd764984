"""Network connections as NetworkManager keeps them: checking the integrator's, and writing what kiosk.toml says.

The format is GLib's key file, with the settings of nm-settings-keyfile(5).
"""

from __future__ import annotations

import configparser
import uuid
from typing import Final

from edge.config import Network, Wifi, is_wifi_password
from edge.firstboot.mistakes import Mistake

WIFI_FILE: Final = "wifi.nmconnection"

_ISSUER: Final = uuid.UUID("6f0c2f2e-5d3b-5f0e-9f57-6b1d0c0a9f11")  # of the connections that kiosk.toml describes
_SSID_TABLES: Final = ("wifi", "802-11-wireless")
_SECURITY_TABLES: Final = ("wifi-security", "802-11-wireless-security")
_AS_AN_EXAMPLE: Final = "docs/first-boot.md has a whole one to copy."


def check_connection(text: str, *, file: str = WIFI_FILE) -> list[Mistake]:
    """What is wrong with a NetworkManager connection of the integrator's."""
    reader = configparser.RawConfigParser(delimiters="=", comment_prefixes="#", strict=True, default_section="")
    try:
        reader.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        words = "the first setting stands under no [table]"
        return [Mistake(file, words, f"It begins with a line [connection]. {_AS_AN_EXAMPLE}", error.lineno)]
    except (configparser.DuplicateSectionError, configparser.DuplicateOptionError) as error:
        return [Mistake(file, "this is said twice in the file", "Take one of the two away.", error.lineno)]
    except configparser.ParsingError as error:
        line = error.errors[0][0] if error.errors else None
        return [Mistake(file, "this line can't be read", f"A line is: name=value. {_AS_AN_EXAMPLE}", line)]
    except configparser.Error:
        return [Mistake(file, "it can't be read", _AS_AN_EXAMPLE)]
    return _settings(text, file, reader)


def wireless(wifi: Wifi, password: str | None) -> str:
    """The connection to `wifi`."""
    lines = [
        *_connection("kiosk-wifi", "wifi", wifi.ssid),
        "[wifi]",
        "mode=infrastructure",
        f"ssid={_escaped(wifi.ssid).replace(';', chr(92) + ';')}",
        f"hidden={'true' if wifi.hidden else 'false'}",
        "",
    ]
    if password:
        # "wpa-psk" is what NetworkManager calls WPA2 and WPA3 personal with one password.
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={_escaped(password)}", ""]
    return "\n".join([*lines, "[ipv4]", "method=auto", "", "[ipv6]", "method=auto", ""])


def wired(network: Network) -> str | None:
    """The connection of the wire with a fixed address; None where it asks for one, as NetworkManager does by itself."""
    if network.address is None:
        return None
    ours = "ipv6" if ":" in network.address else "ipv4"
    settings = ["method=manual", f"address1={network.address}{f',{network.gateway}' if network.gateway else ''}"]
    lines = [*_connection("kiosk-wired", "ethernet", network.address), "[ethernet]", ""]
    for family in ("ipv4", "ipv6"):
        servers = [server for server in network.dns if (":" in server) == (family == "ipv6")]
        lines += [f"[{family}]", *(settings if family == ours else ["method=auto"])]
        lines += [f"dns={';'.join(servers)};"] * bool(servers) + [""]
    return "\n".join(lines)


def _connection(name: str, kind: str, what: str) -> list[str]:
    return ["[connection]", f"id={name}", f"uuid={uuid.uuid5(_ISSUER, f'{name} {what}')}", f"type={kind}", ""]


def _escaped(text: str) -> str:
    """As GLib's key files have it: a backslash doubled, spaces at the ends written out."""
    text = text.replace("\\", "\\\\")
    inner = text.strip(" ")
    left = len(text) - len(text.lstrip(" "))
    return "\\s" * left + inner + "\\s" * (len(text) - left - len(inner))


def _settings(text: str, file: str, reader: configparser.RawConfigParser) -> list[Mistake]:
    found: list[Mistake] = []
    kind = _value(reader, ("connection",), "type")
    if kind is None:
        words = "it doesn't say what kind of connection it is"
        found.append(Mistake(file, words, "Under [connection] write type=wifi.", _line(text, "connection")))
    if not _value(reader, ("connection",), "id"):
        found.append(Mistake(file, "it has no name", "Under [connection] write id=shop.", _line(text, "connection")))
    if kind not in ("wifi", "802-11-wireless"):
        return found
    if not _value(reader, _SSID_TABLES, "ssid"):
        found.append(Mistake(file, "it names no network", "Under [wifi] write ssid=Shop.", _line(text, "wifi")))
    key = _value(reader, _SECURITY_TABLES, "psk")
    wants_key = _value(reader, _SECURITY_TABLES, "key-mgmt") in ("wpa-psk", "sae")
    line = _line(text, "wifi-security", "psk")
    if wants_key and not key:
        words = "it wants a password and has none"
        found.append(Mistake(file, words, "Under [wifi-security] write psk=and the password.", line))
    elif wants_key and key and len(key) >= 2 and key[0] == key[-1] == '"':
        found.append(Mistake(file, "the password stands in quotes", "Write psk=password without quotes.", line))
    elif wants_key and key and "\\" not in key and not is_wifi_password(key):
        words = "the password can't be one"
        found.append(Mistake(file, words, "It has 8 to 63 ASCII characters, or 64 hexadecimal digits.", line))
    return found


def _value(reader: configparser.RawConfigParser, tables: tuple[str, ...], name: str) -> str | None:
    for table in tables:
        if reader.has_option(table, name):
            return reader.get(table, name)
    return None


def _line(text: str, table: str, name: str | None = None) -> int | None:
    """Where `name` stands under [table], or the table."""
    at, inside = None, False
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if bare.startswith("["):
            inside = bare.strip("[]").endswith(table)
            at = number if inside else at
        elif inside and name is not None and bare.partition("=")[0].strip() == name:
            return number
    return at
