"""docs/promises.md names tests that exist."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[4]
PAGE = (REPOSITORY / "docs" / "promises.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([a-z/_]+\.py)(?:::([^`]+))?`", PAGE)))
PROMISED = PAGE[PAGE.index("## Promised") : PAGE.index("## Not promised")]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    text = (REPOSITORY / "tests" / "edge" / "bus" / file).read_text(encoding="utf-8")
    tests = re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)
    assert tests
    assert not name or any(fnmatch(test, name.replace("…", "*")) for test in tests), f"{file} has no {name}"


def test_every_promise_names_a_test() -> None:
    rows = [line for line in PROMISED.splitlines() if line.startswith("| ") and not line.startswith("| | promise")]
    assert len(rows) > 20
    assert [row for row in rows if "test_" not in row.split("|")[3]] == []
