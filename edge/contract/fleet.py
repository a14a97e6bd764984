"""What passes between a kiosk and the hub of its fleet: the subjects, and who of both may say and hear what.

A kiosk is a leaf node of the hub. On the kiosk the link is bound to an account of its own, FLEET, into which only what
is named here is let: the sourcing of KIOSK_EVENTS, and the commands that the kiosk lets the hub ask. On the hub the
kiosk is a user who may do no more than that, under its own name (ADR 0025).

``fleet.<kiosk>.>`` are the kiosk's events under its own name, everything else is under ``hub.``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import ALL, COMMANDS, HARDWARE_STATUS, PAYMENT_CANCEL, PAYMENT_PROCESS

HUB_ACCOUNT: Final = "FLEET"  # of the same name on the hub and on the kiosk
HUB_DOMAIN: Final = "hub"
FLEET_EVENTS: Final = "FLEET_EVENTS"
NOTICES: Final = "FLEET_NOTICES"
BOOKS: Final = "FLEET_BOOKS"
FLEET: Final = "fleet.>"
ABOUT: Final = "about"  # what a kiosk can always be asked: which version it runs

_STREAM = str(EVENTS_STREAM["name"])
_KIOSK = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# What sourcing needs of a kiosk's JetStream; nothing that makes, changes or empties a stream.
_API = (f"CONSUMER.CREATE.{_STREAM}", f"CONSUMER.CREATE.{_STREAM}.>", f"STREAM.INFO.{_STREAM}")
_FLOW = f"$JS.FC.{_STREAM}.>"
_ABOUT_IS = "$SRV.INFO.hardware"  # every kiosk has this agent; its micro service tells the version

# What the hub may ask when kiosk.toml doesn't say: it reads, and changes nothing.
ASKED_BY_DEFAULT: Final = (HARDWARE_STATUS.subject,)
# Whatever kiosk.toml says: nobody far away moves a customer's money.
NEVER_ASKED: Final = (*PAYMENT_PROCESS.subjects, *PAYMENT_CANCEL.subjects)


@dataclass(frozen=True)
class InFleet:
    """A kiosk as a member of a fleet: its name there, and which commands the hub may ask.

    Raises:
        ValueError: the name can't be one, or a command isn't in the table or may never be asked from outside.
    """

    kiosk: str
    asks: tuple[str, ...] = ASKED_BY_DEFAULT

    def __post_init__(self) -> None:
        check_name(self.kiosk)
        known = {subject for command in COMMANDS for subject in command.subjects}
        for subject in self.asks:
            if subject in NEVER_ASKED:
                raise ValueError(f"{subject} can't be asked from the hub: it moves money")
            if subject not in known:
                raise ValueError(f"{subject} is no command; there are: {', '.join(sorted(known - set(NEVER_ASKED)))}")


def check_name(kiosk: str) -> str:
    """The kiosk's id, if it can be one: letters, digits, - and _, at most 64.

    Raises:
        ValueError: it can't.
    """
    if not _KIOSK.fullmatch(kiosk):
        raise ValueError(f"{kiosk!r} can't be a kiosk's id: letters, digits, - and _, at most 64")
    return kiosk


# -- subjects on the hub ------------------------------------------------------------------------------------


def events_of(kiosk: str) -> str:
    """All of the kiosk's events in FLEET_EVENTS; ``*`` for every kiosk's."""
    return f"fleet.{kiosk}.>"


def kiosk_of(subject: str) -> str:
    """Whose event, notice or book this is; the kiosk itself can't say another's name."""
    words = subject.split(".")
    return words[1] if words[0] == "fleet" else words[2]


def event_subject(subject: str) -> str:
    """The event as it was called on the kiosk: ``kiosk.ui.update`` for ``fleet.<kiosk>.ui.update``."""
    return ".".join(("kiosk", *subject.split(".")[2:]))


def api_of(kiosk: str) -> str:
    """The prefix of the kiosk's JetStream, as far as the hub may use it."""
    return f"hub.api.{kiosk}"


def deliver_to(kiosk: str) -> str:
    """The prefix of where the kiosk's events arrive before they are stored."""
    return f"hub.deliver.{kiosk}"


def ask_of(kiosk: str, subject: str) -> str:
    """Where the kiosk is asked `subject`."""
    return f"hub.ask.{kiosk}.{subject}"


def answers_of(kiosk: str, asker: str) -> str:
    """The prefix of where the kiosk's answers to `asker` go: only this kiosk may say there, only the asker hears."""
    return f"hub.answer.{kiosk}.{asker}"


def notice_on(kiosk: str, kind: str) -> str:
    """A notice about the kiosk, in FLEET_NOTICES."""
    return f"hub.notice.{kiosk}.{kind}"


def book_of(kiosk: str) -> str:
    """What is known of the kiosk, in FLEET_BOOKS."""
    return f"hub.book.{kiosk}"


# -- who may what -------------------------------------------------------------------------------------------


def kiosk_rights(kiosk: str) -> dict[str, Any]:
    """What a kiosk's user may do on the hub: `publish` is what the kiosk sends there, `subscribe` what it gets."""
    return {
        "publish": {"allow": [f"{deliver_to(kiosk)}.>", f"hub.answer.{kiosk}.>", "$JSC.R.>"]},
        "subscribe": {"allow": [*(f"{api_of(kiosk)}.{each}" for each in _API), f"hub.ask.{kiosk}.>", _FLOW]},
    }


def keeper_rights(user: str) -> dict[str, Any]:
    """What the hub's own service may do: make and read the fleet's streams, ask every kiosk how it is."""
    return {
        "publish": {
            "allow": [
                "$JS.API.>",
                "$JS.ACK.>",
                "$JS.FC.>",
                f"hub.api.*.STREAM.INFO.{_STREAM}",
                f"hub.ask.*.{ABOUT}",
                "hub.notice.>",
                "hub.book.>",
                f"_INBOX.{user}.>",
            ]
        },
        "subscribe": {"allow": [f"_INBOX.{user}.>", f"hub.answer.*.{user}.>"]},
    }


def person_rights(user: str, asks: Sequence[str] = ()) -> dict[str, Any]:
    """What a person may do: read what is kept of all kiosks, and ask those in `asks` (``*``: every one)."""
    reading = [
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.INFO.*",
        "$JS.API.CONSUMER.CREATE.*",
        "$JS.API.CONSUMER.CREATE.*.>",
        "$JS.API.CONSUMER.INFO.*.*",
        "$JS.API.CONSUMER.DELETE.*.*",
        "$JS.API.STREAM.MSG.GET.*",
        "$JS.FC.>",
    ]
    return {
        "publish": {"allow": [*reading, *(f"hub.ask.{kiosk}.>" for kiosk in asks), f"_INBOX.{user}.>"]},
        "subscribe": {"allow": [f"_INBOX.{user}.>", f"hub.answer.*.{user}.>", "hub.notice.>"]},
    }


# -- the kiosk's own side -----------------------------------------------------------------------------------


def exports(member: InFleet) -> list[dict[str, Any]]:
    """What the kiosk's account of agents gives to its account FLEET, and to no other."""
    to = {"accounts": [HUB_ACCOUNT]}
    return [
        *({"service": f"$JS.API.{each}"} | to for each in _API),
        {"service": _FLOW} | to,
        {"stream": f"{deliver_to(member.kiosk)}.>"} | to,
        {"service": _ABOUT_IS} | to,
        *({"service": subject} | to for subject in member.asks),
    ]


def imports(member: InFleet, account: str) -> list[dict[str, Any]]:
    """The same, taken by the account FLEET from `account` under the names that the hub uses."""

    def service(subject: str, to: str) -> dict[str, Any]:
        return {"service": {"account": account, "subject": subject}, "to": to}

    return [
        *(service(f"$JS.API.{each}", f"{api_of(member.kiosk)}.{each}") for each in _API),
        service(_FLOW, _FLOW),
        {"stream": {"account": account, "subject": f"{deliver_to(member.kiosk)}.>"}},
        service(_ABOUT_IS, ask_of(member.kiosk, ABOUT)),
        *(service(subject, ask_of(member.kiosk, subject)) for subject in member.asks),
    ]


def source(kiosk: str, generation: int = 0) -> dict[str, Any]:
    """The kiosk's KIOSK_EVENTS as a source of FLEET_EVENTS, each event renamed to the kiosk's own name.

    The server goes on with a source where it left off, by the stream's sequence. A kiosk whose stream began anew (its
    disk was replaced) is therefore a source of another `generation`: a second transform, which no event matches, makes
    it another one to the server.
    """
    renamed = [{"src": ALL, "dest": events_of(kiosk)}]
    if generation:
        renamed.append({"src": f"generation.{generation}", "dest": f"fleet.{kiosk}.generation.{generation}"})
    return {
        "name": _STREAM,
        "external": {"api": api_of(kiosk), "deliver": deliver_to(kiosk)},
        "subject_transforms": renamed,
    }


def read_source(fields: dict[str, Any]) -> tuple[str, int]:
    """Kiosk and generation of a source as `source` makes it.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        kiosk = str(fields["external"]["api"]).removeprefix("hub.api.")
        marks = [str(each["src"]).split(".") for each in fields["subject_transforms"][1:]]
        return check_name(kiosk), int(marks[0][1]) if marks else 0
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"this source is none of ours: {error!r}") from error
