"""The machine's own addresses on its networks."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SIOCGIFADDR: Final = 0x8915  # linux/sockios.h
_NAME_BYTES: Final = 16  # IFNAMSIZ, linux/if.h
_GLOBAL: Final = "00"  # the scope in /proc/net/if_inet6
_IF_INET6: Final = Path("/proc/net/if_inet6")


@dataclass(frozen=True)
class Address:
    """An address, and the interface it is on."""

    interface: str
    ip: str


def addresses() -> list[Address]:
    """Every address that others may reach this machine at: IPv4 first, none of loopback, none of a link alone."""
    return [*_ipv4(), *_ipv6()]


def _ipv4() -> list[Address]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[: _NAME_BYTES - 1])
            try:
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, request)
            except OSError:
                continue  # it has none
            ip = ipaddress.IPv4Address(answer[20:24])
            if not ip.is_loopback and not ip.is_link_local:
                found.append(Address(name, str(ip)))
    return found


def _ipv6() -> list[Address]:
    try:
        lines = _IF_INET6.read_text(encoding="ascii").splitlines()
    except OSError:
        return []  # a machine without IPv6
    fields = [line.split() for line in lines]
    return [
        Address(name, str(ipaddress.IPv6Address(bytes.fromhex(raw))))
        for raw, _, _, scope, _, name in fields
        if scope == _GLOBAL
    ]
