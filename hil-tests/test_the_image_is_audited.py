"""An audit of the image finds nothing to warn of; its report is kept."""

from __future__ import annotations

import pytest

from bench.qemu_audit import audit, missing
from bench.qemu_bench import QemuBench

_LEAST = 70  # of 100
_AUDIT_S = 3000.0


async def test_the_audit_warns_of_nothing(booted: QemuBench) -> None:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    found = await audit(booted.shell, booted.report, _AUDIT_S)
    assert found.warnings == ()
    assert found.index >= _LEAST
