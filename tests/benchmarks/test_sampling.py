"""Reading what py-spy writes, and running it where it is installed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from benchmarks.sampling import ProfilerFailed, Row, rows_of, sampled, sampling

STACKS = """\
main (/kiosk/benchmarks/bus/loops.py:17);ask (/kiosk/edge/bus/client.py:253);send (<built-in>) 30
main (/kiosk/benchmarks/bus/loops.py:17);ask (/kiosk/edge/bus/client.py:253) 10
main (/kiosk/benchmarks/bus/loops.py:17);walk (/kiosk/tree.py:1);walk (/kiosk/tree.py:1) 5
"""


def test_a_functions_own_time_is_where_it_is_innermost_and_recursion_counts_once() -> None:
    rows = {row.function: row for row in rows_of(STACKS, samples_per_s=10)}
    ask = "edge/bus/client.py:253 ask"
    assert rows[ask] == Row(own_s=1.0, with_callees_s=4.0, times=None, function=ask)
    (main,) = (row for name, row in rows.items() if name.endswith("main"))
    assert (main.own_s, main.with_callees_s) == (0.0, 4.5)
    (walk,) = (row for name, row in rows.items() if name.endswith("walk"))
    assert (walk.own_s, walk.with_callees_s) == (0.5, 0.5)


async def test_without_py_spy_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProfilerFailed, match="pip install py-spy"):
        async with sampling(tmp_path / "stacks"):
            pass


def spin(seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass


async def test_py_spy_sees_this_process(tmp_path: Path) -> None:
    if shutil.which("py-spy") is None:
        pytest.skip("py-spy is not on PATH: pip install py-spy (benchmarks can do without)")
    try:
        async with sampling(tmp_path / "stacks"):
            spin(0.3)
    except ProfilerFailed as error:
        pytest.skip(str(error))  # containers and Yama forbid it to whoever isn't root
    assert any(row.function.endswith("spin") and row.own_s > 0 for row in sampled(tmp_path / "stacks"))
