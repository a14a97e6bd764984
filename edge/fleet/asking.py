"""A question from the hub to one kiosk. The kiosk decides what may be asked, the hub who may ask it."""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from edge.bus.hub import Hub, KioskAway, KioskSilent
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.fleet import ABOUT, answers_of, ask_of, check_name
from edge.contract.subjects import COMMANDS, Command
from edge.contract.wire import from_fields, to_fields
from edge.fleet.errors import FleetError

_MARGIN_S: Final = 3.0  # the way to a kiosk and back


def command_named(name: str) -> Command[Any, Any] | None:
    """The command with this subject, or whose last words these are (``status``, ``hardware.led``); None for ``about``.

    Raises:
        FleetError: there is none, or it could be several.
    """
    if name == ABOUT:
        return None
    exact = [command for command in COMMANDS if name in command.subjects]
    ends = [command for command in COMMANDS if any(each.endswith(f".{name}") for each in command.subjects)]
    found = exact or ends
    if len(found) != 1:
        known = ", ".join([ABOUT, *(command.subject for command in COMMANDS)])
        raise FleetError(f"{name!r} is {'no command' if not found else 'several commands'}; there are: {known}")
    return found[0]


async def ask(
    hub: Hub, kiosk: str, name: str, payload: dict[str, Any] | None = None, *, timeout_s: float | None = None
) -> dict[str, Any]:
    """Ask one kiosk, and give its answer's payload (for ``about`` all it tells of itself).

    Without a payload the command is asked with its name alone, as far as it takes that.

    Raises:
        FleetError: there is no such command, the kiosk isn't there, lets nobody ask this, or doesn't answer.
        InvalidPayload: the payload isn't the command's.
    """
    command = command_named(name)
    subject = ABOUT if command is None else command.subject
    wait_s = timeout_s or (5.0 if command is None else command.timeout_s) + _MARGIN_S
    data = b""
    if command is not None:
        data = NATSMessage.create(str(uuid.uuid4()), _content(command, payload)).to_json().encode()
    try:
        check_name(kiosk)
        answer = await hub.ask(ask_of(kiosk, subject), data, answers_of(kiosk, hub.user), timeout_s=wait_s)
    except ValueError as error:
        raise FleetError(str(error)) from error
    except KioskAway as error:
        raise FleetError(
            f"{kiosk} can't be asked {subject}: it isn't connected, or its kiosk.toml doesn't let the hub ask that "
            "([hub] asks)"
        ) from error
    except KioskSilent as error:
        raise FleetError(
            f"{kiosk} did not answer {subject} within {wait_s:g} s; may {hub.user} ask it? (kiosk fleet person)"
        ) from error
    try:
        if command is None:
            return dict(json.loads(answer))
        return NATSMessage.from_json(answer).payload
    except (ValueError, TypeError, ContractError) as error:
        raise FleetError(f"{kiosk} answered {subject} with what can't be read: {error}") from error


def _content(command: Command[Any, Any], payload: dict[str, Any] | None) -> dict[str, Any]:
    """The question's payload as the contract has it."""
    try:
        return to_fields(command.request() if payload is None else from_fields(payload, command.request))
    except TypeError as error:
        raise FleetError(f"{command.subject} can't be asked without a payload: {error}") from error
