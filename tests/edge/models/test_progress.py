from __future__ import annotations

import io

from rich.console import Console

from edge.models import Progress, progress_bars


def test_each_download_has_a_bar_with_bytes_and_how_it_went() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=120, force_terminal=True, color_system=None)
    with progress_bars(console) as report:
        report(Progress(("lamp", "torch"), "waiting"))
        report(Progress(("moon",), "waiting"))
        report(Progress(("lamp", "torch"), "downloading", 1_000_000, 4_000_000))
        report(Progress(("lamp", "torch"), "done", 4_000_000, 4_000_000))
        report(Progress(("moon",), "failed"))
    drawn = screen.getvalue().splitlines()
    lamp = next(line for line in reversed(drawn) if "lamp, torch" in line)
    assert "4.0/4.0 MB" in lamp
    assert "done" in lamp
    moon = next(line for line in reversed(drawn) if "moon" in line)
    assert "failed" in moon
