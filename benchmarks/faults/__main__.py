"""The command: `python -m benchmarks.faults [DEVICE ...] [--times 20]`."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.faults import Fault, Outcome, PromiseBroken

REPOSITORY = Path(__file__).resolve().parents[2]
DEVICES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
STRIKE_TIMEOUT_S = 60.0


@dataclass
class Figures:
    """What came of one fault's strikes."""

    fault: Fault
    outcomes: list[Outcome] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    skipped: str | None = None

    @property
    def late(self) -> int:
        """How many strikes took longer than their bounds."""
        return sum(
            each.detected_s > self.fault.bound_s or each.recovered_s > self.fault.recovery_bound_s
            for each in self.outcomes
        )


async def struck(fault: Fault, times: int, progress: Progress) -> Figures:
    """Strike `fault` so often, one after the other."""
    found = Figures(fault, skipped=fault.missing())
    if found.skipped is not None:
        return found
    task = progress.add_task(fault.name, total=times)
    for _ in range(times):
        try:
            found.outcomes.append(await asyncio.wait_for(fault.strike(), STRIKE_TIMEOUT_S))
        except PromiseBroken as error:
            found.broken.append(str(error))
        except TimeoutError:
            found.broken.append(f"not over after {STRIKE_TIMEOUT_S:g} s")
        except Exception as error:  # counted as broken: the other strikes' figures are kept
            found.broken.append(f"{type(error).__name__}: {error}")
        progress.advance(task)
    progress.remove_task(task)
    return found


def table(device: str, figures: list[Figures]) -> Table:
    """The figures for people."""
    shown = Table("fault", "times", "noticed p50 / max", "within", "over p50 / max", "within", "broken", title=device)
    for each in figures:
        if each.skipped is not None:
            shown.add_row(each.fault.name, "0", f"skipped: {each.skipped}")
            continue
        noticed = [outcome.detected_s for outcome in each.outcomes] or [float("nan")]
        over = [outcome.recovered_s for outcome in each.outcomes] or [float("nan")]
        shown.add_row(
            each.fault.name,
            str(len(each.outcomes) + len(each.broken)),
            f"{statistics.median(noticed):.3f} / {max(noticed):.3f} s",
            f"{each.fault.bound_s:g} s",
            f"{statistics.median(over):.3f} / {max(over):.3f} s",
            f"{each.fault.recovery_bound_s:g} s",
            str(len(each.broken) + each.late),
        )
    return shown


def as_json(figures: list[Figures]) -> list[dict[str, object]]:
    """The figures for whoever keeps them."""
    return [
        {
            "fault": each.fault.name,
            "bound_s": each.fault.bound_s,
            "recovery_bound_s": each.fault.recovery_bound_s,
            "detected_s": [outcome.detected_s for outcome in each.outcomes],
            "recovered_s": [outcome.recovered_s for outcome in each.outcomes],
            "late": each.late,
            "broken": each.broken,
            "skipped": each.skipped,
        }
        for each in figures
    ]


def main() -> int:
    """Strike them all; 1 when a promise was broken or a bound was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("devices", nargs="*", choices=[*DEVICES, []], help="which peripherals; default: all")
    parser.add_argument("--times", type=int, default=20, help="strikes a fault")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "faults")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    chosen.out.mkdir(parents=True, exist_ok=True)
    failed = False
    for device in chosen.devices or DEVICES:
        faults: list[Fault] = importlib.import_module(f"benchmarks.faults.{device}").FAULTS
        with Progress(console=console, transient=True) as progress:
            figures = [asyncio.run(struck(fault, chosen.times, progress)) for fault in faults]
        console.print(table(device, figures))
        for each in figures:
            for text in sorted(set(each.broken)):
                console.print(f"  [red]{each.fault.name}:[/] {text} ({each.broken.count(text)} times)")
        (chosen.out / f"{device}.json").write_text(json.dumps(as_json(figures), indent=1), encoding="utf-8")
        failed = failed or any(each.broken or each.late for each in figures)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
