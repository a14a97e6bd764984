"""THE table: who says what to whom, within how long. Everything else is drawn from it.

Section 3 gives the subjects, sections 6 and 7 the speakers, hearers and timeouts. Timeouts that the
specification leaves out are those of the same agent's other command, except printing, which is slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from edge.contract import hardware, input, menu, payment, recsys, session, ui, vision, voice  # noqa: A004 - the domain's name
from edge.contract.wire import Payload

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)

AGENTS = ("vision", "voice", "menu", "recsys", "payment", "hardware", "orchestrator")
FRONTEND = "frontend"


@dataclass(frozen=True)
class Event(Generic[P]):
    """Something that happened, told to whoever listens; `read_by` read afterwards what is kept of it."""

    subject: str
    payload: type[P]
    said_by: str
    heard_by: tuple[str, ...]
    read_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The subject's last word, as the payload's `event` mostly says it."""
        return self.subject.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Command(Generic[Q, A]):
    """Something one agent asks of another, answered within `timeout_s`; `aliases` are further subjects."""

    subject: str
    request: type[Q]
    reply: type[A]
    asked_by: tuple[str, ...]
    done_by: str
    timeout_s: float
    aliases: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """All subjects that mean this command."""
        return (self.subject, *self.aliases)


PERSON_DETECTED = Event("kiosk.vision.person_detected", vision.PersonDetected, "vision", ("orchestrator",))
PERSON_LEFT = Event("kiosk.vision.person_left", vision.PersonLeft, "vision", ("orchestrator",))
GAZE_DETECTED = Event("kiosk.vision.gaze_detected", vision.GazeDetected, "vision", ("orchestrator",))
CAMERA_STATE = Event("kiosk.vision.camera_state", hardware.CameraState, "vision", ("hardware",))
SPEECH_START = Event("kiosk.voice.speech_start", voice.SpeechStart, "voice", ("orchestrator",))
TRANSCRIPT = Event("kiosk.voice.transcript", voice.Transcript, "voice", ("orchestrator",))
INTENT = Event("kiosk.voice.intent", voice.Intent, "voice", ("orchestrator",))
MICROPHONE_STATE = Event("kiosk.voice.microphone_state", hardware.MicrophoneState, "voice", ("hardware",))
TOUCH = Event("kiosk.input.touch", input.Touch, FRONTEND, ("orchestrator",))
CART_ACTION = Event("kiosk.input.cart_action", input.CartAction, FRONTEND, ("orchestrator",))
CARD_TAP = Event("kiosk.input.card_tap", input.CardTap, "hardware", ("payment", "orchestrator"))
SESSION_STARTED = Event("kiosk.session.started", session.SessionStarted, "orchestrator", AGENTS)
# The payment agent may be away when a customer leaves, and owes them what they leave without.
SESSION_ENDED = Event("kiosk.session.ended", session.SessionEnded, "orchestrator", AGENTS, read_by=("payment",))
# What was paid is on the screen: the menu counts its stock by it, recsys learns from it.
UI_UPDATE = Event("kiosk.ui.update", ui.UiUpdate, "orchestrator", (FRONTEND,), read_by=("menu", "recsys"))

MENU_SEARCH = Command("kiosk.agent.menu.search", menu.Search, menu.SearchResult, ("orchestrator",), "menu", timeout_s=2)
MENU_DETAILS = Command(
    "kiosk.agent.menu.details", menu.GetDetails, menu.DetailsResult, ("orchestrator",), "menu", timeout_s=2
)
RECSYS_SUGGEST = Command(
    "kiosk.agent.recsys.suggest", recsys.Suggest, recsys.Suggestions, ("orchestrator",), "recsys", timeout_s=2
)
PAYMENT_PROCESS = Command(
    "kiosk.agent.payment.process",
    payment.ProcessPayment,
    payment.PaymentResult,
    ("orchestrator",),
    "payment",
    timeout_s=30,
)
PAYMENT_CANCEL = Command(
    "kiosk.agent.payment.cancel",
    payment.CancelPayment,
    payment.CancelResult,
    ("orchestrator",),
    "payment",
    timeout_s=2,
)
SET_LED = Command(
    "kiosk.agent.hardware.led",
    hardware.SetLed,
    hardware.Done,
    ("orchestrator",),
    "hardware",
    timeout_s=1,
    aliases=("kiosk.hardware.led",),
)
PRINT_RECEIPT = Command(
    "kiosk.agent.hardware.print",
    hardware.PrintReceipt,
    hardware.Done,
    ("orchestrator",),
    "hardware",
    timeout_s=10,
    aliases=("kiosk.hardware.print",),
)
HARDWARE_STATUS = Command(
    "kiosk.hardware.status",
    hardware.GetStatus,
    hardware.HardwareStatus,
    ("orchestrator", "monitor"),
    "hardware",
    timeout_s=2,
    aliases=("kiosk.agent.hardware.status",),
)

SET_SERVICE = Command(
    "kiosk.agent.orchestrator.service",
    session.SetService,
    session.Service,
    ("operator",),
    "orchestrator",
    timeout_s=2,
)

EVENTS: tuple[Event[Any], ...] = (
    PERSON_DETECTED,
    PERSON_LEFT,
    GAZE_DETECTED,
    CAMERA_STATE,
    SPEECH_START,
    TRANSCRIPT,
    INTENT,
    MICROPHONE_STATE,
    TOUCH,
    CART_ACTION,
    CARD_TAP,
    SESSION_STARTED,
    SESSION_ENDED,
    UI_UPDATE,
)
COMMANDS: tuple[Command[Any, Any], ...] = (
    MENU_SEARCH,
    MENU_DETAILS,
    RECSYS_SUGGEST,
    PAYMENT_PROCESS,
    PAYMENT_CANCEL,
    SET_LED,
    PRINT_RECEIPT,
    HARDWARE_STATUS,
    SET_SERVICE,
)

ALL = "kiosk.>"
DEAD = "kiosk.dead.{agent}"  # ours: where a command that was given up on is kept (edge.contract.dead)
_AGENT_PREFIX = "kiosk.agent."
_HARDWARE_PREFIX = "kiosk.hardware."


def event_on(subject: str) -> Event[Any] | None:
    """The table's event on `subject`, or None."""
    return next((event for event in EVENTS if event.subject == subject), None)


def command_on(subject: str) -> Command[Any, Any] | None:
    """The table's command on `subject`, or None."""
    return next((command for command in COMMANDS if subject in command.subjects), None)


def agent_of(subject: str) -> str | None:
    """Who answers requests on `subject` (section 3.2), whether in the table or not; None if nobody could."""
    if subject.startswith(_HARDWARE_PREFIX):
        return "hardware"
    if subject.startswith(_AGENT_PREFIX):
        return subject.removeprefix(_AGENT_PREFIX).split(".")[0] or None
    return None


def commands_of(agent: str) -> tuple[Command[Any, Any], ...]:
    """What `agent` can be asked."""
    return tuple(command for command in COMMANDS if command.done_by == agent)
