from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.vision.detector import Face
from edge.agents.vision.presence import Appeared, Left, Presence
from tests.edge.agents.vision.conftest import face

FPS = 5


def watch(presence: Presence, scenes: Iterable[int | list[Face]], start_s: float = 0.0) -> list[tuple[float, object]]:
    """Show one scene a frame (a number is so many faces); return what happened and when."""
    events: list[tuple[float, object]] = []
    for index, scene in enumerate(scenes):
        at_s = start_s + index / FPS
        faces = [face() for _ in range(scene)] if isinstance(scene, int) else scene
        if (event := presence.see(at_s, faces)) is not None:
            events.append((at_s, event))
    return events


def test_a_visit() -> None:
    events = watch(Presence(leave_after_s=2.5), [0] * 5 + [1] * 20 + [0] * 20)

    (came_s, came), (gone_s, gone) = events
    assert isinstance(came, Appeared)
    assert came.confidence == pytest.approx(0.9)
    assert came_s - 1.0 < 0.7  # after three frames in a second, or four where they straddle its edge
    assert isinstance(gone, Left)
    assert gone.duration_s == pytest.approx(3.8)
    assert gone_s == pytest.approx(4.8 + 2.5, abs=1 / FPS)


def test_flicker_does_not_end_a_visit_nor_start_a_second() -> None:
    presence = Presence()

    events = watch(presence, [1] * 5 + [0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1] * 4)

    assert [type(event) for _, event in events] == [Appeared]
    assert presence.present


@pytest.mark.parametrize("flashes", [[1], [1, 1], [1, 0, 0, 1]])
def test_a_flash_of_a_face_is_no_visit(flashes: list[int]) -> None:
    assert watch(Presence(), [0] * 5 + flashes + [0] * 30) == []


def test_a_dubious_face_is_no_visit() -> None:
    dubious = [face(score=0.4)]

    assert watch(Presence(enter_score=0.5), [dubious] * 30) == []


def test_the_party_is_the_median_number_of_faces() -> None:
    events = watch(Presence(), [0] * 5 + [2, 2, 1, 2, 2, 3])

    assert [event.party_size for _, event in events if isinstance(event, Appeared)] == [2]


def test_the_nearest_face_is_the_customers() -> None:
    near, far = face(score=0.7, h=120, w=90), face(score=0.95, h=40, w=30)

    events = watch(Presence(), [[far, near]] * 6)

    assert [event.face for _, event in events if isinstance(event, Appeared)] == [near]


def test_a_camera_that_stood_still_ends_the_visit_of_before() -> None:
    presence = Presence(leave_after_s=2.5)
    watch(presence, [1] * 10)

    events = watch(presence, [1] * 10, start_s=60.0)

    assert [type(event) for _, event in events] == [Left, Appeared]
    assert [event.duration_s for _, event in events if isinstance(event, Left)] == [pytest.approx(1.8)]


def test_a_slow_camera_still_sees_a_visit() -> None:
    presence = Presence()

    events = [presence.see(float(second), [face()]) for second in range(5)]

    assert sum(isinstance(event, Appeared) for event in events) == 1


def test_end_closes_a_visit_once() -> None:
    presence = Presence()
    watch(presence, [1] * 10)

    left = presence.end()

    assert left is not None
    assert left.duration_s == pytest.approx(1.8)
    assert presence.end() is None


@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 4.0),
            st.lists(st.floats(0.35, 1.0), max_size=3),
        ),
        max_size=120,
    )
)
def test_appeared_and_left_alternate_and_durations_fit(frames: list[tuple[float, list[float]]]) -> None:
    presence = Presence()
    at_s = 0.0
    seen_at_s: list[float] = []
    came = False
    for gap_s, scores in frames:
        at_s += gap_s
        if scores:
            seen_at_s.append(at_s)
        event = presence.see(at_s, [face(score=score) for score in scores])
        if isinstance(event, Appeared):
            assert not came
            assert scores
            assert 0.5 <= event.confidence <= 1
            assert 1 <= event.party_size <= 3
            came = True
        elif isinstance(event, Left):
            assert came
            assert 0 <= event.duration_s <= at_s
            came = False
        assert presence.present is came
        if came:  # nobody is held present without a face within the absence that ends a visit
            assert at_s - seen_at_s[-1] < presence.leave_after_s
