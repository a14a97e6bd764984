"""The shipped menu's words."""

from __future__ import annotations

import pytest

from edge.agents.menu.catalogue import Menu
from edge.agents.voice.vocabulary import Vocabulary
from edge.assembly import vocabulary


@pytest.fixture(scope="session")
def menu_words() -> Vocabulary:
    return vocabulary(Menu.load())
