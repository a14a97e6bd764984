"""Device URLs, as kiosk.toml writes them: ``scheme:``, ``scheme:path?key=value``, ``escpos+tcp://host:port``."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from drivers.errors import DeviceSetup


@dataclass(frozen=True)
class DeviceAddress:
    """One parsed device URL."""

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str) -> DeviceAddress:
        """Parse a device URL.

        Raises:
            DeviceSetup: it has no scheme, a bad port or an option without a value.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        except ValueError as error:
            raise DeviceSetup(f"device address {url!r}: {error}") from error
        if not parts.scheme:
            raise DeviceSetup(f"device address {url!r} has no scheme; for example 'simulated:'")
        return cls(parts.scheme, parts.hostname or "", port, parts.path, options)

    def only(self, *known: str) -> None:
        """Refuse options that the backend does not know.

        Raises:
            DeviceSetup: an option is unknown; the text names it and the known ones.
        """
        for name in self.options:
            if name not in known:
                choices = ", ".join(known) or "none"
                raise DeviceSetup(f"{self.scheme}: unknown option {name!r}; known: {choices}")

    def number(self, name: str, default: int) -> int:
        """Option `name` as a whole number.

        Raises:
            DeviceSetup: it is something else.
        """
        text = self.options.get(name)
        if text is None:
            return default
        try:
            return int(text)
        except ValueError as error:
            raise DeviceSetup(f"{self.scheme}: option {name}={text!r} is not a whole number") from error
