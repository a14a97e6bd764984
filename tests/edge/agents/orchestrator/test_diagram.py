"""The page about the session is drawn from the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edge.agents.orchestrator.diagram import PAGE, diagram, drawn, steps
from edge.agents.orchestrator.states import State, Step

REPOSITORY = Path(__file__).resolve().parents[4]


def test_the_page_is_fresh() -> None:
    page = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    assert page == drawn(page), "run: python -m edge.agents.orchestrator.diagram"
    assert diagram() in page


def test_every_state_is_in_the_picture_and_every_step_in_the_tables() -> None:
    assert all(f"    {state} --> " in diagram() for state in State)
    assert all(f"| `{step}` |" in steps() for step in Step)
    assert "    paying --> receipt: succeed\n" in diagram()
    assert "confirming --> browsing: edit (empty)" in diagram()


def test_the_command_draws_what_is_stale(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Words.\n<!-- drawn: diagram -->\nold\n<!-- end -->\nMore.\n", encoding="utf-8")
    command = [sys.executable, "-m", "edge.agents.orchestrator.diagram"]
    subprocess.run([*command, str(page)], check=True, cwd=REPOSITORY)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("Words.\n<!-- drawn: diagram -->\n```mermaid\n")
    assert "old" not in text
    assert text.endswith("```\n<!-- end -->\nMore.\n")
    lost = [*command, str(tmp_path / "no" / "page.md")]
    gone = subprocess.run(lost, check=False, capture_output=True, text=True, cwd=REPOSITORY)
    assert gone.returncode == 1
    assert "can't be drawn" in gone.stderr
    assert "Traceback" not in gone.stderr
