"""The report of a run as one page that needs nothing else: each promise, and the pictures of how it was kept."""

from __future__ import annotations

import html
import itertools
from collections import Counter
from pathlib import Path
from typing import Final

from bench.pictures import data_url, small, timeline
from bench.record import Record, Run

_STYLE: Final = Path(__file__).with_name("page.css")
_SCRIPT: Final = """
document.querySelectorAll('.papers img').forEach(img => img.addEventListener('click', () => {
  const big = document.getElementById('big'); big.querySelector('img').src = img.src; big.showModal(); }));
document.getElementById('big').addEventListener('click', event => event.currentTarget.close());
"""
_MARKS: Final = {"kept": "✓", "broken": "✗", "skipped": "–"}


def write_page(run: Run, path: Path) -> None:
    """Write the report to `path`."""
    path.write_text(page(run), encoding="utf-8")


def page(run: Run) -> str:
    """The report as HTML."""
    files = {
        promise: list(group)
        for promise, group in itertools.groupby(
            sorted(run.records, key=lambda each: each.promise), lambda each: each.promise
        )
    }
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_esc(run.bench)}: {_verdict(run)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{_header(run)}{_contents(files)}{''.join(map(_promise, files.items()))}{_not_shown(run)}"
        f'</main><dialog id="big"><img alt="the receipt, large"></dialog><script>{_SCRIPT}</script></body></html>'
    )


def _verdict(run: Run) -> str:
    count: Counter[str] = Counter(record.outcome for record in run.records)
    if count["broken"]:
        return f"{count['broken']} broken"
    return f"{count['kept']} kept"


def _header(run: Run) -> str:
    count: Counter[str] = Counter(record.outcome for record in run.records)
    total = max(1, len(run.records))
    bar = "".join(f'<i class="{outcome}" style="width:{100 * count[outcome] / total:.2f}%"></i>' for outcome in _MARKS)
    tiles = "".join(
        f'<div class="tile {outcome}"><b>{count[outcome]}</b>{words}</div>'
        for outcome, words in (("kept", "kept"), ("broken", "broken"), ("skipped", "not shown here"))
    )
    papers = sum(len(record.papers) for record in run.records)
    said = sum(moment.lane == "bus" for record in run.records for moment in record.moments)
    tiles += f'<div class="tile"><b>{papers}</b>receipts</div><div class="tile"><b>{said}</b>messages</div>'
    tiles += f'<div class="tile"><b>{sum(record.took_s for record in run.records):.0f} s</b>of tests</div>'
    facts = "".join(f"<dt>{_esc(name)}</dt><dd>{_esc(value)}</dd>" for name, value in run.facts.items())
    devices = "".join(f"<tr><th>{_esc(name)}</th><td>{_esc(how)}</td></tr>" for name, how in run.devices.items())
    return (
        f"<header><p class=kicker>Hardware in the loop · kiosk-edge</p><h1>Bench <em>{_esc(run.bench)}</em></h1>"
        f'<div class="bar">{bar}</div><div class="tiles">{tiles}</div>'
        f'<div class="about"><dl>{facts}</dl><table>{devices}</table></div></header>'
    )


def _contents(files: dict[str, list[Record]]) -> str:
    items = "".join(
        f'<li class="{_worst(records)}"><a href="#{_anchor(records[0])}">{_esc(promise)}</a>'
        f"<span>{sum(each.took_s for each in records):.1f} s</span></li>"
        for promise, records in files.items()
    )
    return f"<nav><h2>Promises</h2><ol>{items}</ol></nav>"


def _promise(entry: tuple[str, list[Record]]) -> str:
    promise, records = entry
    cases = "".join(map(_case, records))
    return f'<section id="{_anchor(records[0])}"><h2>{_esc(promise)}</h2>{cases}</section>'


def _case(record: Record) -> str:
    head = (
        f'<h3><span class="mark {record.outcome}">{_MARKS[record.outcome]}</span>{_esc(record.case)}'
        f"<small>{record.took_s:.2f} s</small></h3>"
    )
    figures = "".join(f"<li>{_esc(name)} <b>{_esc(value)}</b></li>" for name, value in record.figures.items())
    parts = [head]
    if figures:
        parts.append(f'<ul class="figures">{figures}</ul>')
    if record.reason:
        parts.append(f'<pre class="{record.outcome}">{_esc(record.reason)}</pre>')
    if record.outcome != "skipped":
        parts.append(_story(record))
    return f'<article class="{record.outcome}">{"".join(parts)}</article>'


def _story(record: Record) -> str:
    deeds = [moment for moment in record.moments if moment.lane == "person"]
    listed = "".join(f"<li>{_esc(deed.text)} <small>{deed.at_s:.2f} s</small></li>" for deed in deeds)
    papers = "".join(
        f'<img src="{data_url(small(paper.png))}" alt="{_esc(paper.text)}" title="click to enlarge">'
        for paper in record.papers
        if paper.png is not None
    )
    return (
        f"{timeline(record) if record.moments else ''}"
        f'<div class="story"><ol class="deeds">{listed}</ol>'
        f"{f'<div class=papers>{papers}</div>' if papers else ''}</div>{_messages(record)}"
    )


def _messages(record: Record) -> str:
    said = [moment for moment in record.moments if moment.lane == "bus"]
    if not said:
        return ""
    rows = "".join(
        f"<tr><td>{each.at_s:.3f}</td><td>{_esc(each.text)}</td><td>{_esc(each.detail)}</td></tr>" for each in said
    )
    return f"<details><summary>on the bus: {len(said)}</summary><table class=said>{rows}</table></details>"


def _not_shown(run: Run) -> str:
    skipped = [record for record in run.records if record.outcome == "skipped"]
    if not skipped:
        return ""
    rows = "".join(
        f"<tr><td>{_esc(each.case)}</td><td>{_esc(each.promise)}</td><td>{_esc(each.reason)}</td></tr>"
        for each in skipped
    )
    return (
        '<section id="not-shown"><h2>Not shown on this bench</h2><table class=skips><thead><tr><th>what</th>'
        f"<th>of the promise</th><th>because</th></tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _worst(records: list[Record]) -> str:
    outcomes = {record.outcome for record in records}
    return "broken" if "broken" in outcomes else "kept" if "kept" in outcomes else "skipped"


def _anchor(record: Record) -> str:
    return record.file.replace("_", "-")


def _esc(text: str) -> str:
    return html.escape(text, quote=True)
