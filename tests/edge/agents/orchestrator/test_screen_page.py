"""docs/screen.md is complete: a page can be written against it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.agents.orchestrator.screens import _ACTIONS, action_of
from edge.agents.orchestrator.states import LAYOUTS
from edge.contract.schema import COMPONENTS

TEXT = (Path(__file__).resolve().parents[4] / "docs" / "screen.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_is_explained_field_by_field(name: str) -> None:
    part = TEXT.split(f"\n### {name}\n")[1].split("\n### ")[0].split("\n## ")[0]
    assert [field for field in COMPONENTS[name].__struct_fields__ if f"`{field}`" not in part] == []


def test_each_layout_has_its_row() -> None:
    assert [layout for layout in LAYOUTS.values() if f"\n| `{layout}` |" not in TEXT] == []


def test_each_button_has_its_action() -> None:
    labels = {label for labels in _ACTIONS.values() for label in labels}
    assert [label for label in labels if f"| `{action_of(label)}` " not in TEXT] == []
