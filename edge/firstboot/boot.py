"""What the kiosk does at every boot, before bus and agents: take the integrator's files, apply them, tell mistakes.

Each file is taken whole or not at all. Everything is written in an order in which the power may go between any two
writes: the next boot does the same again, and comes to the same end.
"""

from __future__ import annotations

import json
import logging
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.config import Config, ConfigError
from edge.firstboot.card import KIOSK_TOML, WIFI, Card, Step
from edge.firstboot.checking import check
from edge.firstboot.durable import make_folder, owner_of, put, remove, root_with
from edge.firstboot.kept_secrets import KeptSecrets, secrets_in
from edge.firstboot.mistakes import MISTAKES_TXT, TITLE, Mistake, digest, file_text
from edge.firstboot.reading import Unreadable, misnamed, read_text
from edge.firstboot.ssh_keys import KEYS_FILE, check_keys, normal_text
from edge.firstboot.system import draw_keys, hostname_of, set_hostname, set_network, set_timezone
from edge.firstboot.toml_text import Key, merged, pruned, without, written
from edge.firstboot.wifi import check_connection
from edge.notices import Notice, NoticeFolder

log = logging.getLogger(__name__)

PRINTING_USER: Final = "kiosk-hardware"  # takes notices out of their folder
READERS: Final = "kiosk"  # the group that may read the applied configuration
_WIFI_PASSWORD: Final[Key] = ("network", "wifi", "password")
_DRAWN: Final = "# Drawn at each boot from the kiosk.toml on the boot partition: change that one.\n"


@dataclass(frozen=True)
class Places:
    """Where things are.

    `defaults` is the kiosk.toml that the image ships below the integrator's; None is ``/etc/kiosk/kiosk.toml``, if it
    is there.
    """

    boot: Path
    data: Path
    root: Path = Path("/")
    defaults: Path | None = None
    ssh_user: str = "admin"

    @property
    def applied(self) -> Path:
        """The configuration that everything runs with."""
        return self.data / "kiosk" / "kiosk.toml"

    @property
    def given(self) -> Path:
        """What of it the integrator gave, without secrets."""
        return self.data / "kiosk" / "given.toml"

    @property
    def notices(self) -> Path:
        """What the printer has to print."""
        return self.data / "kiosk" / "notices"

    @property
    def mistakes(self) -> Path:
        """What the page shows of mistakes; it may look into the folder of notices."""
        return self.notices / "page" / "mistakes.json"

    @property
    def connections(self) -> Path:
        """NetworkManager's connections."""
        return self.data / "NetworkManager" / "system-connections"

    @property
    def authorized_keys(self) -> Path:
        """Who may come in by ssh."""
        return self.data / "ssh" / self.ssh_user / KEYS_FILE


@dataclass
class Outcome:
    """What was done: the configuration that holds now, the files that were taken, the mistakes in the others."""

    config: Config
    taken: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


class FirstBoot:
    """One boot. `step` is told the name of each step when it is done."""

    def __init__(self, places: Places, *, step: Step = lambda _: None) -> None:
        self._places = places
        self._step = step
        self._card = Card(places.boot, step)
        self._secrets = KeptSecrets(places.data / "kiosk" / "secrets")
        self._taken: list[str] = []
        self._mistakes: list[Mistake] = []

    def run(self) -> Outcome:
        """Do all of it.

        Raises:
            OSError, KeyUnusable, ConfigError: /data can't be used. A card that can't be is only told of.
        """
        self._lay_out()
        self._on_card("what was to be wiped from it is still there", KIOSK_TOML, self._card.finish)
        self._mistakes += misnamed(self._places.boot, (KIOSK_TOML, WIFI, KEYS_FILE))
        for take in (self._take_toml, self._take_wifi, self._take_keys):
            try:
                take()
            except Unreadable as error:
                self._mistakes.append(error.mistake)
        config = self._apply()
        self._step("the configuration is applied")
        for user in draw_keys(self._places.data, self._places.root / "run"):
            log.warning("the bus's key of %s was damaged, and is replaced", user)
        self._step("the keys are drawn")
        self._set_system(config)
        self._step("the system is set up")
        self._tell()
        self._step("mistakes are told")
        return Outcome(config, self._taken, self._mistakes)

    def _lay_out(self) -> None:
        readers, printing = root_with(READERS), owner_of(PRINTING_USER)
        make_folder(self._places.data / "kiosk", mode=0o755 if readers is None else 0o750, owner=readers)
        make_folder(self._places.notices, owner=printing)
        make_folder(self._places.notices / "printed", owner=printing)
        make_folder(self._places.mistakes.parent)

    def _take_toml(self) -> None:
        text = read_text(self._card.path(KIOSK_TOML))
        if text is None:
            return
        checked = check(text, zones=self._places.root / "usr" / "share" / "zoneinfo")
        if checked.mistakes:
            self._mistakes += checked.mistakes
            return
        secrets = secrets_in(checked.document)
        self._secrets.take(secrets)
        self._step("the secrets are on /data")
        put(self._places.given, written(pruned(checked.document, secrets)).encode(), mode=0o600)
        self._taken.append(KIOSK_TOML)
        gone = {
            key: f"moved to {self._secrets.path(key)} on this kiosk; to change it, write it here again"
            for key, value in secrets.items()
            if value
        }
        if gone:
            left = without(text, gone)
            self._on_card("its secrets are still on it", KIOSK_TOML, lambda: self._card.wipe(KIOSK_TOML, left))

    def _take_wifi(self) -> None:
        text = read_text(self._card.path(WIFI))
        if text is None:
            return
        mistakes = check_connection(text)
        if mistakes:
            self._mistakes += mistakes
            return
        to = self._places.connections / WIFI
        make_folder(to.parent, mode=0o700)
        put(to, "\n".join([*text.replace("\r\n", "\n").rstrip("\n").split("\n"), ""]).encode(), mode=0o600)
        self._taken.append(WIFI)
        left = (
            f"# {WIFI} was taken, and is {to} on this kiosk.\r\n# To change it, put a new {WIFI} beside this file.\r\n"
        )
        self._on_card("its password is still on it", WIFI, lambda: self._card.wipe(WIFI, left))

    def _take_keys(self) -> None:
        text = read_text(self._card.path(KEYS_FILE))
        if text is None:
            return
        mistakes = check_keys(text)
        if mistakes:
            self._mistakes += mistakes
            return
        owner = owner_of(self._places.ssh_user)
        make_folder(self._places.authorized_keys.parent, mode=0o700, owner=owner)
        put(self._places.authorized_keys, normal_text(text).encode(), mode=0o600, owner=owner)
        self._taken.append(KEYS_FILE)

    def _on_card(self, what: str, file: str, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            words = f"the card can't be written ({error.strerror}), so {what}"
            self._mistakes.append(Mistake(file, words, "Check the card on a computer, or take another one."))

    def _apply(self) -> Config:
        document = merged(self._shipped(), self._given())
        group = root_with(READERS)
        mode = 0o600 if group is None else 0o640
        put(self._places.applied, f"{_DRAWN}{written(document)}".encode(), mode=mode, owner=group)
        return check(written(document)).config

    def _shipped(self) -> dict[str, Any]:
        data = self._places.data
        document: dict[str, Any] = {"kiosk": {"data_dir": str(data)}, "bus": {"keys": str(data / "keys")}}
        file = self._places.defaults or self._places.root / "etc" / "kiosk" / "kiosk.toml"
        if self._places.defaults is None and not file.exists():
            return document
        try:
            return merged(document, tomllib.loads(file.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}, which ships with the kiosk, can't be read: {error}") from error

    def _given(self) -> dict[str, Any]:
        """The last good configuration; what an update doesn't know any more is left out of it, and told."""
        try:
            text = read_text(self._places.given)
        except Unreadable as error:
            log.warning("%s is damaged, and left out: %s", self._places.given, error)
            return {}
        if text is None:
            return {}
        checked = check(text, file="kiosk.toml, as this kiosk took it before")
        self._mistakes += checked.mistakes
        return checked.document

    def _set_system(self, config: Config) -> None:
        root = self._places.root
        set_hostname(root, hostname_of(config.kiosk.id))
        set_timezone(root, config.kiosk.timezone)
        set_network(self._places.connections, config.network, self._secrets.get(_WIFI_PASSWORD))

    def _tell(self) -> None:
        notices = NoticeFolder(self._places.notices)
        card_file = self._card.path(MISTAKES_TXT)
        if not self._mistakes:
            remove(self._places.mistakes)
            notices.withdraw("mistakes-")
            self._on_card(f"{MISTAKES_TXT} is still on it", MISTAKES_TXT, lambda: _remove(card_file))
            return
        told = [{"where": each.where, "what": each.what, "instead": each.instead} for each in self._mistakes]
        page = json.dumps({"title": TITLE, "mistakes": told}, ensure_ascii=False, indent=2)
        put(self._places.mistakes, page.encode(), mode=0o644)
        notice_id = f"mistakes-{digest(self._mistakes)}"
        lines = [line for each in self._mistakes for line in (f"{each.where}:", each.what, each.instead, "")]
        notices.withdraw("mistakes-", but=notice_id)
        notices.leave(Notice(id=notice_id, title=TITLE, lines=lines[:-1][:60]))
        running_on = "the configuration it had before" if self._places.given.exists() else "the settings it ships with"
        text = file_text(self._mistakes, running_on=running_on)
        try:
            put(card_file, text.encode("utf-8-sig"), mode=None)
        except OSError as error:
            log.warning("%s can't be written: %s", card_file, error.strerror)


def _remove(path: Path) -> None:
    remove(path)


def first_boot(places: Places, *, step: Step = lambda _: None) -> Outcome:
    """See `FirstBoot.run`."""
    return FirstBoot(places, step=step).run()
