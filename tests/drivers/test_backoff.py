from __future__ import annotations

import pytest

from drivers.backoff import BackOff


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now_s = [100.0]
    monkeypatch.setattr("drivers.backoff.time.monotonic", lambda: now_s[0])
    return now_s


def test_failures_in_a_row_are_waited_out_for_longer_and_longer(clock: list[float]) -> None:
    back_off = BackOff()
    assert back_off.wait_s == 0
    waits_s = []
    for _ in range(9):
        back_off.failed()
        waits_s.append(back_off.wait_s)
        clock[0] += 10
        assert back_off.wait_s == 0
    assert waits_s == pytest.approx([0, 0.1, 0.2, 0.5, 1, 2, 5, 5, 5])


def test_a_run_that_was_over_soon_is_a_failure_more_and_a_long_one_begins_anew(clock: list[float]) -> None:
    back_off = BackOff()
    for _ in range(4):
        back_off.failed()
    back_off.began()
    clock[0] += 9
    back_off.failed()
    assert back_off.wait_s == pytest.approx(1)
    back_off.began()
    clock[0] += 10
    back_off.failed()
    assert back_off.wait_s == 0
