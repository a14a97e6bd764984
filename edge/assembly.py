"""Joining agents, devices and bus: what `kiosk run` and the virtual kiosk make their agents with.

Agents are neighbours and never see one another's files; what one knows and another needs (the menu, above all)
is turned into the other's own form here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.camera import Camera, open_camera
from drivers.leds import Leds, open_leds
from drivers.microphone import Microphone, open_microphone
from drivers.nfc import NfcReader, open_nfc_reader
from drivers.printer import Printer, open_printer
from edge.agents.menu.catalogue import Menu
from edge.agents.recsys.offers import Offer
from edge.agents.voice.vocabulary import Dish as SpokenDish
from edge.agents.voice.vocabulary import Vocabulary
from edge.config import Config


def offers(menu: Menu) -> Mapping[int, Offer]:
    """The menu as the recommendation agent sees it."""
    return {
        dish.id: Offer(
            item_id=dish.id,
            name=dish.name,
            category=dish.category,
            tags=frozenset(dish.tags),
            pairs_with=tuple(dish.pairs_with),
            available=dish.available,
        )
        for dish in menu.dishes
    }


def vocabulary(menu: Menu) -> Vocabulary:
    """The menu's words for the voice agent.

    A tag in the plural ("burgers") is a kind of dish that people ask for in the singular; other tags and the
    diets are properties.
    """
    tags = {tag for dish in menu.dishes for tag in dish.tags}
    kinds = {tag for tag in tags if tag.endswith("s")} | {dish.category for dish in menu.dishes}
    return Vocabulary(
        dishes=tuple(SpokenDish(dish.id, dish.name, tuple(dish.sounds_like)) for dish in menu.dishes),
        modifiers=tuple(sorted({each.name for dish in menu.dishes for each in dish.customizations})),
        categories=tuple(sorted(_singular(kind) for kind in kinds)),
        tags=tuple(sorted((tags - kinds) | menu.diets)),
    )


def _singular(kind: str) -> str:
    """A menu's plural in the singular: burgers, sandwiches."""
    return kind.removesuffix("es") if kind.endswith(("ches", "shes")) else kind.removesuffix("s")
