"""The pictures of a report: LED strips over time, receipts, and the timeline that they hang on."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import Final

from PIL import Image

from bench import Frame
from bench.record import Record

_WIDTH: Final = 1000  # of the timeline's own units; the page scales it
_LEFT: Final = 84
_ROW: Final = 26
_MARK: Final = 36  # as wide as two marks
_LED_PX: Final = 3
_COLORS: Final = {"input": "--input", "vision": "--vision", "voice": "--voice", "ui": "--ui", "session": "--session"}
_TICKS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_MOST_TICKS: Final = 9


def data_url(png: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def small(png: bytes) -> bytes:
    """The same picture in 16 shades: a receipt needs no more, and the page holds dozens."""
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    paper = Image.new("RGBA", picture.size, (255, 255, 255, 0))
    paper.alpha_composite(picture)
    out = io.BytesIO()
    paper.quantize(16).save(out, "PNG", optimize=True)
    return out.getvalue()


def strip_over_time(frames: Sequence[Frame], from_s: float, to_s: float, width_px: int = 900) -> bytes:
    """A strip as a picture: time runs to the right, each LED is a row of it."""
    count = len(frames[0].colors)
    picture = Image.new("RGB", (width_px, count))
    shown = 0
    for x in range(width_px):
        at_s = from_s + (to_s - from_s) * x / width_px
        while shown + 1 < len(frames) and frames[shown + 1].at_s <= at_s:
            shown += 1
        colors = [tuple(bytes.fromhex(color[1:])) for color in frames[shown].colors]
        for led, color in enumerate(colors):
            picture.putpixel((x, led), color)
    out = io.BytesIO()
    picture.resize((width_px, count * _LED_PX), Image.Resampling.NEAREST).save(out, "PNG", optimize=True)
    return out.getvalue()


def timeline(record: Record) -> str:
    """What happened, as SVG: a lane for the person, the bus, the paper and the lights, all on one axis of time."""
    longest_s = max([record.took_s, 0.1, *(moment.at_s for moment in record.moments)]) * 1.01

    def x(at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 12) * max(0.0, at_s) / longest_s

    deeds = [moment for moment in record.moments if moment.lane == "person"]
    papers = [moment for moment in record.moments if moment.lane == "paper"]
    said = [moment for moment in record.moments if moment.lane == "bus"]
    lanes: list[tuple[str, int, str]] = []
    top = 8
    if deeds:
        marks = _numbers([x(moment.at_s) for moment in deeds], top + _ROW / 2)
        lanes.append(("person", _ROW, marks))
        top += _ROW
    if said:
        marks = "".join(
            f'<line x1="{x(moment.at_s):.1f}" x2="{x(moment.at_s):.1f}" y1="{top + 4}" y2="{top + _ROW - 4}" '
            f'class="said" style="stroke:var({_color(moment.text)})">'
            f"<title>{_esc(f'{moment.at_s:.3f} s  {moment.text}')}\n{_esc(moment.detail)}</title></line>"
            for moment in said
        )
        lanes.append(("bus", _ROW, marks))
        top += _ROW
    if papers:
        marks = "".join(
            f"<g><title>{_esc(f'{moment.at_s:.2f} s  a receipt')}</title>"
            f'<path d="M{x(moment.at_s) - 6:.1f} {top + 4}h12v17l-3-2.5-3 2.5-3-2.5-3 2.5z" class="paper"/></g>'
            for moment in papers
        )
        lanes.append(("paper", _ROW, marks))
        top += _ROW
    if record.frames and any(frame.lit for frame in record.frames):
        height = _LED_PX * 12
        picture = data_url(strip_over_time(record.frames, record.began_s, record.began_s + longest_s))
        marks = (
            f'<image href="{picture}" x="{x(0):.1f}" y="{top + 3}" width="{x(longest_s) - x(0):.1f}" '
            f'height="{height}" preserveAspectRatio="none"/>'
        )
        lanes.append(("lights", height + 6, marks))
        top += height + 6
    body, at = [], 8
    for name, height, marks in lanes:
        body.append(f'<text x="0" y="{at + height / 2 + 4}" class="lane">{name}</text>')
        body.append(f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{at + height}" y2="{at + height}" class="rule"/>{marks}')
        at += height
    return (
        f'<svg class="timeline" viewBox="0 0 {_WIDTH} {top + 22}" role="img" aria-label="what happened, over time">'
        f"{''.join(body)}{_axis(x, longest_s, top)}</svg>"
    )


def _numbers(places: Sequence[float], middle: float) -> str:
    """A number at each place; those that would overlap share a mark."""
    groups: list[tuple[float, int, int]] = []  # where, first number, last number
    for number, place in enumerate(places, start=1):
        if groups and place - groups[-1][0] < _MARK:
            groups[-1] = (groups[-1][0], groups[-1][1], number)
        else:
            groups.append((place, number, number))
    marks = []
    for place, first, last in groups:
        label = f"{first}" if first == last else f"{first}–{last}"
        width = 17 + 7 * (len(label) - 1)
        marks.append(
            f'<rect x="{place - 8.5:.1f}" y="{middle - 8.5:.1f}" width="{width}" height="17" rx="8.5" class="deed"/>'
            f'<text x="{place - 8.5 + width / 2:.1f}" y="{middle + 3.6:.1f}" class="number">{label}</text>'
        )
    return "".join(marks)


def _axis(place: Callable[[float], float], longest_s: float, top: int) -> str:
    step_s = next((each for each in _TICKS_S if longest_s / each <= _MOST_TICKS), _TICKS_S[-1])
    ticks = []
    for number in range(int(longest_s / step_s) + 1):
        at = place(number * step_s)
        ticks.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="8" y2="{top + 4}" class="tick"/>'
            f'<text x="{at:.1f}" y="{top + 16}" class="time">{number * step_s:g} s</text>'
        )
    return "".join(ticks)


def _color(subject: str) -> str:
    domain = subject.split(".")[1] if "." in subject else ""
    return _COLORS.get(domain, "--agent")


def _esc(text: str) -> str:
    return html.escape(text, quote=True)
