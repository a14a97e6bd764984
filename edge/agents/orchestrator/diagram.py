"""docs/session.md's diagram and tables, drawn from `states`: ``python -m edge.agents.orchestrator.diagram``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from edge.agents.orchestrator.states import LAYOUTS, MEANS, TRANSITIONS, ByCart, State, Step

PAGE: Final = Path("docs/session.md")
_PART = re.compile(r"(<!-- drawn: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def diagram() -> str:
    """The machine as a Mermaid state diagram, without the steps that lead back to where they began."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, step), to in TRANSITIONS.items():
        for target, when in _targets(to):
            if target is not state:
                arrows.setdefault((state, target), []).append(step.value + when)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.ATTRACT}"]
    lines += [f"    {state} --> {target}: {', '.join(steps)}" for (state, target), steps in arrows.items()]
    return "\n".join([*lines, "```"])


def states() -> str:
    """Each state, what it is, and the layout that shows it."""
    rows = [f"| `{state}` | {MEANS[state]} | `{LAYOUTS[state]}` |" for state in State]
    return "\n".join(["| state | | `layout_mode` |", "|---|---|---|", *rows])


def steps() -> str:
    """Each step, what it is, and where it leads from where."""
    return "\n".join(["| step | | leads |", "|---|---|---|", *(f"| `{s}` | {MEANS[s]} | {_ways(s)} |" for s in Step)])


def drawn(page: str) -> str:
    """`page` with each part between ``<!-- drawn: name -->`` and ``<!-- end -->`` drawn anew."""
    parts = {"diagram": diagram, "states": states, "steps": steps}
    return _PART.sub(lambda part: part[1] + parts[part["name"]]() + "\n" + part[3], page)


def _targets(to: State | ByCart) -> list[tuple[State, str]]:
    if not isinstance(to, ByCart):
        return [(to, "")]
    found = [(to.empty, " (empty)"), (to.filled, " (filled)")]
    return [(state, when) for state, when in found if state is not None]


def _ways(step: Step) -> str:
    ways: dict[str, list[State]] = {}
    for (state, each), to in TRANSITIONS.items():
        if each is step:
            for target, when in _targets(to):
                ways.setdefault(f"{'itself' if target is state else f'`{target}`'}{when}", []).append(state)
    return "; ".join(f"{', '.join(f'`{state}`' for state in sources)} → {to}" for to, sources in ways.items())


def main() -> None:
    """Draw the page again; an argument names another one."""
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    try:
        page.write_text(drawn(page.read_text(encoding="utf-8")), encoding="utf-8")
    except OSError as error:
        sys.exit(f"{page} can't be drawn: {error}. Run it in the repository's folder, or name the page.")


if __name__ == "__main__":
    main()
