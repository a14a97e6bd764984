"""Debouncing, for every way in which a contact may bounce."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gpio.debounce import Debouncer

SETTLE_S = 0.02

gaps = st.floats(0.0, 0.1, allow_subnormal=False)
bounce_gaps = st.floats(0.0, SETTLE_S * 0.99, allow_subnormal=False)


def play(edges: list[tuple[float, bool]], until_s: float) -> list[tuple[float, bool]]:
    """The changes that a debouncer tells of a contact that was open, looked at when it asks for it."""
    debouncer = Debouncer(False, SETTLE_S)
    told: list[tuple[float, bool]] = []
    raw = False

    def look_until(limit_s: float) -> None:
        while (due_s := debouncer.due_s) is not None and due_s <= limit_s:
            level = debouncer.look(raw, due_s)
            assert level is not None
            told.append((due_s, level))

    for at_s, level in edges:
        look_until(at_s)
        raw = level
        debouncer.edge(raw, at_s)
    look_until(until_s)
    return told


@st.composite
def waveforms(draw: st.DrawFn) -> list[tuple[float, bool]]:
    """Edges of a contact at rising times; some are told twice with the same level."""
    at_s, edges = 0.0, []
    for gap_s, level in draw(st.lists(st.tuples(gaps, st.booleans()), max_size=30)):
        at_s += gap_s
        edges.append((at_s, level))
    return edges


@given(waveforms())
def test_changes_alternate_and_end_where_the_contact_rests(edges: list[tuple[float, bool]]) -> None:
    told = play(edges, 10.0)
    levels = [False] + [level for _, level in told]
    assert all(before != after for before, after in pairwise(levels))
    assert levels[-1] == (edges[-1][1] if edges else False)


@given(waveforms())
def test_a_change_is_told_only_after_quiet_and_at_once_then(edges: list[tuple[float, bool]]) -> None:
    for told_s, level in play(edges, 10.0):
        before = [edge for edge in edges if edge[0] < told_s]
        last_s, last_level = before[-1]
        assert last_level == level
        assert told_s == pytest.approx(last_s + SETTLE_S)


@given(st.lists(bounce_gaps, max_size=30), st.booleans())
def test_one_movement_is_one_change_however_it_bounces(gaps_s: list[float], back: bool) -> None:
    """Edges that follow each other within the settling time, ending closed (or back open: then nothing happened)."""
    at_s, level, edges = 1.0, True, [(1.0, True)]
    for gap_s in gaps_s:
        at_s += gap_s
        level = not level
        edges.append((at_s, level))
    if level == back:
        at_s += SETTLE_S / 2
        edges.append((at_s, not back))
    told = play(edges, 10.0)
    assert [level for _, level in told] == ([] if back else [True])


def test_a_spike_is_no_press() -> None:
    assert play([(1.0, True), (1.019, False)], 10.0) == []
    assert [level for _, level in play([(1.0, True), (1.021, False)], 10.0)] == [True, False]


def test_both_edges_of_a_spike_seen_as_one_start_the_quiet_again() -> None:
    debouncer = Debouncer(False, SETTLE_S)
    debouncer.edge(True, 1.0)
    debouncer.edge(True, 1.015)
    assert debouncer.look(True, 1.021) is None
    assert debouncer.look(True, 1.036) is True


def test_a_lost_edge_is_found_by_looking() -> None:
    debouncer = Debouncer(False, SETTLE_S)
    assert debouncer.due_s is None
    assert debouncer.look(True, 1.0) is None
    assert debouncer.due_s == pytest.approx(1.02)
    assert debouncer.look(True, 1.02) is True
    assert debouncer.level
    assert debouncer.due_s is None
