"""Who belongs to the fleet: kiosks and people, with the public halves of their keys. It holds no secret."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from edge.bus.files import alone_in, put
from edge.bus.keys import is_public_key
from edge.contract.fleet import FLEET_EVENTS, check_name
from edge.fleet.errors import FleetError

REGISTER_JSON: Final = "register.json"
KEEPER: Final = "keeper"
SYSTEM: Final = "system"
OWN_USERS: Final = (KEEPER, SYSTEM)
_MOST_GROUP = 32


class Member(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A kiosk of the fleet. `group` chooses the stream its events are kept in; times are Unix seconds.

    `former` are the keys that it had: nobody gets them again.
    """

    key: str
    former: list[str] = []
    group: str = ""
    added_s: float = 0.0
    revoked_s: float | None = None

    @property
    def active(self) -> bool:
        """Whether it may sign in."""
        return self.revoked_s is None

    @property
    def stream(self) -> str:
        """The stream that its events are kept in."""
        return stream_of(self.group)


class Person(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who may look at the fleet, and ask the kiosks in `asks` ("*" is every one)."""

    key: str
    asks: list[str] = []


class Register(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All of register.json: `own` are the public keys of the hub's own users."""

    own: dict[str, str] = {}
    people: dict[str, Person] = {}
    kiosks: dict[str, Member] = {}

    @property
    def active(self) -> dict[str, Member]:
        """The kiosks that may sign in."""
        return {name: member for name, member in self.kiosks.items() if member.active}

    def add(self, kiosk: str, key: str, group: str = "") -> Member:
        """Let a kiosk in with this public key; one that is known gets the key instead of its old one.

        Raises:
            FleetError: the name, the key or the group can't be one, or somebody has the key already.
        """
        try:
            check_name(kiosk)
            if group:
                check_name(group)
        except ValueError as error:
            raise FleetError(str(error)) from error
        if len(group) > _MOST_GROUP:
            raise FleetError(f"a group's name has at most {_MOST_GROUP} characters")
        self._check_key(key, but=kiosk)
        known = self.kiosks.get(kiosk)
        if known is not None and known.active and known.group != group:
            raise FleetError(f"{kiosk} is in the group {known.group or '(none)'!r}: revoke it before it changes groups")
        former = [*known.former, known.key] if known is not None and known.key != key else []
        self.kiosks[kiosk] = Member(key=key, former=former, group=group, added_s=round(time.time(), 3))
        return self.kiosks[kiosk]

    def revoke(self, kiosk: str) -> Member:
        """Take a kiosk's right to sign in away.

        Raises:
            FleetError: there is no such kiosk, or it has no right any more.
        """
        member = self.kiosks.get(kiosk)
        if member is None:
            raise FleetError(f"the fleet has no kiosk {kiosk!r}; kiosk fleet list shows which it has")
        if not member.active:
            raise FleetError(f"{kiosk} is revoked already")
        member.revoked_s = round(time.time(), 3)
        return member

    def _check_key(self, key: str, *, but: str) -> None:
        if not is_public_key(key):
            raise FleetError("this isn't a public nkey: it begins with U and has 56 characters (kiosk fleet key)")
        holders = {member.key: name for name, member in self.kiosks.items() if name != but or not member.active}
        holders |= {former: name for name, member in self.kiosks.items() for former in member.former}
        holders |= {person.key: name for name, person in self.people.items()}
        holders |= {own: name for name, own in self.own.items()}
        if key in holders:
            raise FleetError(
                f"{holders[key]} has this key, or had it: one key is one kiosk's, and a revoked one stays so"
            )


def stream_of(group: str) -> str:
    """The stream of a group of kiosks; FLEET_EVENTS where there are no groups."""
    return f"{FLEET_EVENTS}_{group}" if group else FLEET_EVENTS


def load(folder: Path) -> Register:
    """Read the register; an empty one where there is none yet.

    Raises:
        FleetError: it can't be read.
    """
    path = folder / REGISTER_JSON
    try:
        return msgspec.json.decode(path.read_bytes(), type=Register)
    except FileNotFoundError:
        return Register()
    except (OSError, msgspec.MsgspecError) as error:
        raise FleetError(f"{path} can't be read: {error}") from error


@contextmanager
def changing(folder: Path) -> Iterator[Register]:
    """The register to change; it is written when the block ends well, and nobody else changes it meanwhile.

    Raises:
        FleetError: it can't be read or written.
    """
    try:
        with alone_in(folder):
            register = load(folder)
            yield register
            text = msgspec.json.format(msgspec.json.encode(register, order="deterministic"), indent=1)
            put(folder / REGISTER_JSON, text.decode() + "\n")
    except OSError as error:
        raise FleetError(f"{error.filename or folder}: {error.strerror or error}") from error
