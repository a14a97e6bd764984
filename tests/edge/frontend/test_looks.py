"""Colours that can be read, pictures that are there, files that don't load from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.frontend.server import STATIC

REPOSITORY = Path(__file__).resolve().parents[3]
LEAST_TEXT_CONTRAST = 4.5  # WCAG 2.2, AA
LEAST_OUTLINE_CONTRAST = 3.0

# Text on its ground, by token names.
TEXT = (
    ("ink", "paper"), ("ink", "card"), ("ink", "sunken"), ("ink-soft", "paper"), ("ink-soft", "card"),
    ("ink-soft", "sunken"), ("on-brand", "brand"), ("on-brand", "brand-deep"), ("on-leaf", "leaf"),
    ("on-chip", "chip"), ("on-spicy", "spicy"), ("on-green-chip", "green-chip"), ("on-sun-chip", "sun-chip"),
    ("on-warn", "warn"), ("brand", "card"),
)  # fmt: skip
OUTLINES = (("edge", "card"), ("edge", "paper"), ("brand", "card"), ("leaf", "card"))


def _tokens(theme: str) -> dict[str, str]:
    text = (STATIC / "css" / "tokens.css").read_text(encoding="utf-8")
    blocks = dict(re.findall(r'^:root(?:\[data-theme="(\w+)"\])? \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL))
    found = re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[""] + (blocks[theme] if theme != "light" else ""))
    return dict(found)


def _luminance(color: str) -> float:
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_right() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(theme: str) -> None:
    tokens = _tokens(theme)
    weak = {pair: _contrast(tokens[pair[0]], tokens[pair[1]]) for pair in TEXT}
    assert {pair: value for pair, value in weak.items() if value < LEAST_TEXT_CONTRAST} == {}
    lines = {pair: _contrast(tokens[pair[0]], tokens[pair[1]]) for pair in OUTLINES}
    assert {pair: value for pair, value in lines.items() if value < LEAST_OUTLINE_CONTRAST} == {}


def test_the_pictures_are_what_the_script_draws() -> None:
    script = REPOSITORY / "scripts" / "draw_dishes.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pictures_are_drawings_and_nothing_more() -> None:
    pictures = sorted((STATIC / "img").iterdir())
    assert len(pictures) == 25
    for picture in pictures:
        root = ElementTree.parse(picture).getroot()  # noqa: S314 - our own file
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
            "svg",
            "path",
            "rect",
            "circle",
            "ellipse",
        }


def test_nothing_comes_from_elsewhere() -> None:
    """No CDN, no inline script, no HTML made of text: the policy would refuse them, and the customer would see it."""
    for path in STATIC.rglob("*"):
        if path.suffix not in {".html", ".js", ".css"}:
            continue
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), path
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=\"", text), path


def test_every_import_is_there() -> None:
    for path in STATIC.rglob("*.js"):
        for target in re.findall(r'from "([^"]+)"', path.read_text(encoding="utf-8")):
            if target != "/vendor/nats.js":
                assert (path.parent / target).is_file(), f"{path.name} imports {target}"
