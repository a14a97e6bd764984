"""The kiosk's link to its hub, as nats-server's configuration has it. The kiosk connects; nobody connects to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.contract.fleet import HUB_ACCOUNT, InFleet

_RECONNECT_S: Final = 2  # section 2.3's wait, for the hub as well
_PING_S: Final = 20  # a link that is cut without a word is noticed after three of them


@dataclass(frozen=True)
class LeafLink:
    """Whose link it is, to which of the hub's addresses, with which key; `ca_file` says which hub is the right one."""

    member: InFleet
    urls: tuple[str, ...]
    seed: str
    ca_file: Path | None = None

    def lines(self) -> list[str]:
        """The server's name and its ``leafnodes``. They hold the key: only the server may read them."""
        tls = "" if self.ca_file is None else f"tls: {{ ca_file: {json.dumps(str(self.ca_file))}, timeout: 5 }}, "
        return [
            f"server_name: {json.dumps(self.member.kiosk)}",
            f'ping_interval: "{_PING_S}s"',
            "ping_max: 2",
            "leafnodes: {",
            f'  reconnect: "{_RECONNECT_S}s"',
            "  remotes: [",
            f'    {{ urls: {json.dumps(list(self.urls))}, account: {HUB_ACCOUNT}, {tls}nkey: "{self.seed}" }}',
            "  ]",
            "}",
        ]
