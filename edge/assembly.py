"""Joining agents, devices and bus: what `kiosk run` and the virtual kiosk make their agents with.

Agents are neighbours and never see one another's files; what one knows and another needs (the menu, above
all) is turned into the other's own form here. Each is imported when it is built, so that a machine needs the
libraries of its own agents only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge.agents.menu.catalogue import Menu
from edge.agents.menu.shelf import Glance, Shelf
from edge.bus import NATSAgentBase
from edge.bus.keys import key_path
from edge.config import Config, device_key
from edge.models import Store
from edge.notices import NoticeFolder

if TYPE_CHECKING:
    from drivers.camera import Camera
    from drivers.gpio import Pins
    from drivers.leds import Leds
    from drivers.microphone import Microphone
    from drivers.nfc import NfcReader
    from drivers.printer import Printer
    from edge.agents.payment.gateway import Gateway
    from edge.agents.payment.prices import PricedDish
    from edge.agents.recsys.offers import Offer
    from edge.agents.voice.vocabulary import Vocabulary

log = logging.getLogger(__name__)


class LibraryMissing(Exception):
    """An agent's library is not installed; the text says how to get it."""


class _Closable(Protocol):
    async def close(self) -> None: ...


T = TypeVar("T", bound=_Closable)
V = TypeVar("V")


@dataclass(frozen=True)
class Devices:
    """Devices that are open already; the others are opened by their URLs in kiosk.toml."""

    leds: Leds | None = None
    reader: NfcReader | None = None
    printer: Printer | None = None
    camera: Camera | None = None
    microphone: Microphone | None = None
    pins: Pins | None = None


class Assembly:
    """Builds the agents of one kiosk. `declined` are the UIDs of cards that the sandbox's bank refuses.

    With `keys`, the folder of keys, each agent signs in as itself.
    Devices it opened itself are closed by `close`; those it was given are their owner's.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        data_dir: Path,
        *,
        bus_url: str,
        keys: Path | None = None,
        page_url: str | None = None,
        devices: Devices | None = None,
        declined: Sequence[bytes] = (),
    ) -> None:
        self._config = config
        self._store = store
        self._data_dir = data_dir
        self._bus_url = bus_url
        self._keys = keys
        self._page_url = page_url
        self._devices = devices or Devices()
        self._declined = declined
        self._opened: list[_Closable] = []
        self._menu: Menu | None = None
        self._glance: Glance | None = None
        self.receipts_dir = data_dir / "receipts"

    @property
    def menu(self) -> Menu:
        """The menu, read once.

        Raises:
            MenuInvalid: the file can't be used.
        """
        if self._menu is None:
            self._menu = Menu.load(self._config.menu.file)
        return self._menu

    @property
    def glance(self) -> Glance:
        """The menu as it can be sold now, for who needs it beside the menu agent; without that agent, the file's."""
        if self._glance is None:
            self._glance = Glance(self._shelf_path, self.menu)
        return self._glance

    @property
    def _shelf_path(self) -> Path:
        return self._data_dir / "menu" / "menu.sqlite"

    def build(self, name: str) -> NATSAgentBase:
        """The agent `name`, with its devices open, not connected yet. Takes seconds where models are loaded.

        Raises:
            ValueError: there is no such agent.
            ConfigError, DriverError, MenuInvalid, ModelError: what it needs can't be had; the text says why.
        """
        builders: Mapping[str, Callable[[], NATSAgentBase]] = {
            "vision": self._vision,
            "voice": self._voice,
            "menu": self._menu_agent,
            "recsys": self._recsys,
            "payment": self._payment,
            "hardware": self._hardware,
            "orchestrator": self._orchestrator,
        }
        if name not in builders:
            raise ValueError(f"there is no agent {name!r}")
        try:
            agent = builders[name]()
        except ModuleNotFoundError as error:
            extra = name if name in ("vision", "voice") else "printer" if name == "hardware" else "virtual"
            if name == "payment" and error.name in ("stripe", "sumup", "httpx", "pydantic"):
                extra = self._config.payment.gateway
            raise LibraryMissing(f"the {name} agent needs {error.name}: pip install 'kiosk-edge[{extra}]'") from error
        if self._keys is not None:
            agent.client.key_file = key_path(self._keys, name)
        return agent

    async def close(self) -> None:
        """Close the devices, and what else was opened here."""
        if self._glance is not None:
            self._glance.close()
        for device in reversed(self._opened):
            await device.close()

    def _vision(self) -> NATSAgentBase:
        from drivers.isolated import open_camera
        from edge.agents.vision import VisionAgent
        from edge.agents.vision.centerface import CenterFace

        urls = self._config.devices
        camera = self._devices.camera or self._keep(open_camera(urls.camera, isolated=urls.isolated))
        return VisionAgent(self._bus_url, camera=camera, detector=CenterFace(self._store.path("centerface")))

    def _voice(self) -> NATSAgentBase:
        from drivers.isolated import open_microphone
        from edge.agents.voice import VoiceAgent
        from edge.agents.voice.activity import SileroActivity
        from edge.agents.voice.recogniser import Recogniser

        urls = self._config.devices
        microphone = self._devices.microphone or self._keep(open_microphone(urls.microphone, isolated=urls.isolated))
        words = vocabulary(self.menu)
        return VoiceAgent(
            self._bus_url,
            microphone=microphone,
            activity=SileroActivity(self._store.path("silero_vad")),
            recogniser=Recogniser(words),
            vocabulary=words,
        )

    def _menu_agent(self) -> NATSAgentBase:
        from edge.agents.menu.agent import MenuAgent

        settings = self._config.menu
        return MenuAgent(
            self._bus_url,
            self.menu,
            shelf=Shelf(self._shelf_path),
            file=settings.file,
            look_every_s=settings.look_every_s,
        )

    def _recsys(self) -> NATSAgentBase:
        from edge.agents.recsys.agent import RecsysAgent
        from edge.agents.recsys.memory import Memory

        return RecsysAgent(
            self._bus_url,
            Live(self.glance, offers),
            memory=Memory(self._data_dir / "recsys" / "orders.sqlite", days=self._config.recsys.days),
            zone=zone(self._config.kiosk.timezone),
        )

    def _payment(self) -> NATSAgentBase:
        from edge.agents.payment import PaymentAgent
        from edge.agents.payment.journal import Journal

        payment, kiosk = self._config.payment, self._config.kiosk
        return PaymentAgent(
            self._bus_url,
            prices=Live(self.glance, prices),
            journal=Journal(self._data_dir / "payments" / "journal.sqlite"),
            gateway=self._gateway(),
            receipts_dir=self.receipts_dir,
            shop=kiosk.shop,
            currency=kiosk.currency,
            tap_timeout_s=payment.tap_timeout_s,
            unclaimed_s=payment.unclaimed_s,
        )

    def _gateway(self) -> Gateway:
        """Who moves the money, as [payment] says."""
        payment, currency = self._config.payment, self._config.kiosk.currency
        if payment.gateway == "stripe" and payment.stripe is not None:
            from edge.agents.payment.stripe_terminal import StripeTerminal

            stripe = payment.stripe
            return StripeTerminal(stripe.key, stripe.reader, currency, api_url=stripe.api_url)
        if payment.gateway == "sumup" and payment.sumup is not None:
            from edge.agents.payment.sumup_reader import SumupReader

            sumup = payment.sumup
            affiliate = (sumup.app_id, sumup.affiliate_key)
            return SumupReader(
                sumup.key, sumup.merchant, sumup.reader, currency, affiliate=affiliate, api_url=sumup.api_url
            )
        from edge.agents.hardware import card_token
        from edge.agents.payment.sandbox import SandboxGateway

        key = device_key(self._data_dir)
        declined = {*payment.declined_cards, *(card_token(key, uid) for uid in self._declined)}
        ledger = self._data_dir / "payments" / "sandbox-ledger.sqlite"
        return SandboxGateway(ledger, declined, url=payment.sandbox_url)

    def _hardware(self) -> NATSAgentBase:
        from drivers.isolated import open_leds, open_nfc_reader, open_pins, open_printer
        from edge.agents.hardware import HardwareAgent

        urls = self._config.devices
        isolated = urls.isolated
        printer_url = with_journal(urls.printer, self._data_dir / "printer.journal")
        pins = self._devices.pins
        if pins is None and urls.gpio is not None:
            pins = self._keep(open_pins(urls.gpio, isolated=isolated))
        return HardwareAgent(
            self._bus_url,
            leds=self._devices.leds or self._keep(open_leds(urls.leds, isolated=isolated)),
            reader=self._devices.reader or self._keep(open_nfc_reader(urls.nfc, isolated=isolated)),
            printer=self._devices.printer or self._keep(open_printer(printer_url, isolated=isolated)),
            device_key=device_key(self._data_dir),
            shop=self._config.kiosk.shop,
            currency=self._config.kiosk.currency,
            receipts_base_url=self._page_url,
            pins=pins,
            notices=NoticeFolder(self._config.kiosk.data_dir / "kiosk" / "notices"),
        )

    def _orchestrator(self) -> NATSAgentBase:
        from edge.agents.orchestrator import OrchestratorAgent, Timing

        kiosk, waits = self._config.kiosk, self._config.orchestrator
        return OrchestratorAgent(
            self._bus_url,
            kiosk_id=kiosk.id,
            currency=kiosk.currency,
            timing=Timing(
                idle_s=waits.idle_s,
                idle_warning_s=waits.idle_warning_s,
                gaze_holds_s=waits.gaze_holds_s,
                gaze_lapse_s=waits.gaze_lapse_s,
                left_grace_s=waits.left_grace_s,
                left_warning_s=waits.left_warning_s,
                receipt_s=waits.receipt_s,
                unprinted_receipt_s=waits.unprinted_receipt_s,
                goodbye_s=waits.goodbye_s,
                missing_after_s=waits.missing_after_s,
                surroundings_s=waits.surroundings_s,
                resume_s=waits.resume_s,
            ),
            state_file=self._data_dir / "orchestrator" / "session.json",
            receipts_url=waits.receipts_url or self._page_url,
            reads_cards=self._config.payment.gateway == "sandbox",
        )

    def _keep(self, device: T) -> T:
        self._opened.append(device)
        return device


class Live(Mapping[int, V]):
    """What an agent makes of the menu, by dish id, made anew whenever the menu or what is left of it changed."""

    def __init__(self, glance: Glance, make: Callable[[Menu], Mapping[int, V]]) -> None:
        self._glance = glance
        self._make = make
        self._made: tuple[Menu, Mapping[int, V]] | None = None

    def __getitem__(self, item_id: int) -> V:
        return self._now()[item_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def values(self) -> ValuesView[V]:
        """All of one moment: it is looked once whether anything changed, not for each dish."""
        return self._now().values()

    def items(self) -> ItemsView[int, V]:
        """All of one moment, likewise."""
        return self._now().items()

    def _now(self) -> Mapping[int, V]:
        menu = self._glance.menu
        if self._made is None or self._made[0] is not menu:
            self._made = menu, self._make(menu)
        return self._made[1]


def with_journal(url: str, journal: Path) -> str:
    """The printer's URL with a journal in it, if it is a real printer's that names none.

    Without one a printer's process that dies would take with it which receipts it printed.
    """
    scheme, _, rest = url.partition(":")
    options = rest.partition("?")[2]
    if not scheme.startswith("escpos+") or any(option.startswith("journal=") for option in options.split("&")):
        return url
    return f"{url}{'&' if '?' in url else '?'}journal={quote(str(journal))}"


def offers(menu: Menu) -> Mapping[int, Offer]:
    """The menu as the recommendation agent sees it."""
    from edge.agents.recsys.offers import Offer

    return {
        dish.id: Offer(
            item_id=dish.id,
            name=dish.name,
            category=dish.category,
            tags=frozenset(dish.tags),
            pairs_with=tuple(dish.pairs_with),
            available=dish.available,
            diets=frozenset(dish.diets),
            allergens=frozenset(dish.allergens),
        )
        for dish in menu.dishes
    }


def zone(name: str) -> tzinfo:
    """The time zone called `name`; UTC, with a line in the log, where this machine doesn't know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        log.warning("no time zone %r on this machine (Debian: tzdata): the time of past orders is taken as UTC", name)
        return UTC


def prices(menu: Menu) -> Mapping[int, PricedDish]:
    """The menu as the payment agent sees it."""
    from edge.agents.payment.prices import PricedDish

    return {
        dish.id: PricedDish(
            item_id=dish.id,
            name=dish.name,
            price=dish.price,
            customizations={each.name: each.price for each in dish.customizations},
            available=dish.available,
            stock=dish.left,
        )
        for dish in menu.dishes
    }


def vocabulary(menu: Menu) -> Vocabulary:
    """The menu's words for the voice agent.

    A tag in the plural ("burgers") is a kind of dish that people ask for in the singular; other tags and the
    diets are properties.
    """
    from edge.agents.voice.vocabulary import Dish, Vocabulary

    tags = {tag for dish in menu.dishes for tag in dish.tags}
    kinds = {tag for tag in tags if tag.endswith("s")} | {dish.category for dish in menu.dishes}
    return Vocabulary(
        dishes=tuple(Dish(dish.id, dish.name, tuple(dish.also_called)) for dish in menu.dishes),
        modifiers=tuple(sorted({each.name for dish in menu.dishes for each in dish.customizations})),
        categories=tuple(sorted(_singular(kind) for kind in kinds)),
        tags=tuple(sorted((tags - kinds) | menu.diets)),
        sounds_like=menu.pronounced,
    )


def _singular(kind: str) -> str:
    """A menu's plural in the singular: burgers, sandwiches."""
    return kind.removesuffix("es") if kind.endswith(("ches", "shes")) else kind.removesuffix("s")
