"""What is offered for which cart and moment, on the shipped menu."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.recsys.offers import Offer
from edge.agents.recsys.rules import Situation
from edge.agents.recsys.suggest import Suggestion, suggest
from tests.edge.agents.recsys.shipped import OFFERS

TIMES = ("breakfast", "lunch", "afternoon", "dinner", "night")


def cart(*items: int) -> tuple[tuple[Offer, int], ...]:
    return tuple((OFFERS[item], 1) for item in items)


def offered(situation: Situation, at_most: int = 2) -> list[Suggestion]:
    return suggest(OFFERS.values(), situation, at_most)


def reasons(situation: Situation, at_most: int = 2) -> list[tuple[int, str]]:
    return [(each.offer.item_id, each.reason.code) for each in offered(situation, at_most)]


def test_the_specifications_example() -> None:
    situation = Situation(cart(101), time_of_day="lunch", weather="hot", party_size=2)
    assert reasons(situation) == [(201, "weather_hot"), (301, "upsell_combo")]
    assert offered(situation)[0].reason.pitch == "Perfect to cool down with your Volcano Burger!"


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (Situation(cart(101)), [(301, "upsell_combo"), (201, "pairs_with_101")]),
        (Situation(cart(101), weather="cold"), [(206, "weather_cold"), (301, "upsell_combo")]),
        (Situation(cart(101), weather="fog"), [(301, "upsell_combo"), (201, "pairs_with_101")]),
        (Situation(cart(206), time_of_day="afternoon"), [(401, "pairs_with_206"), (101, "missing_main")]),
        (Situation(cart(101, 201, 301)), [(402, "popular")]),
        (Situation(cart(101, 201, 301, 402)), []),
        (Situation(cart(101, 201, 301), party_size=4, time_of_day="dinner"), [(107, "party_sharing")]),
        (Situation(time_of_day="breakfast"), [(206, "time_breakfast"), (106, "time_breakfast")]),
        (Situation(time_of_day="lunch"), [(101, "time_lunch"), (201, "popular")]),
        (Situation(time_of_day="night"), [(301, "time_night"), (108, "time_night")]),
        (Situation(), [(101, "popular"), (201, "popular")]),
    ],
)
def test_situations(situation: Situation, expected: list[tuple[int, str]]) -> None:
    assert reasons(situation)[: len(expected)] == expected
    if not expected:
        assert reasons(situation) == []


@pytest.mark.parametrize("moment", [None, *TIMES])
def test_an_empty_cart_is_offered_something_at_any_time(moment: str | None) -> None:
    found = offered(Situation(time_of_day=moment))
    assert len(found) == 2
    assert all({"popular", moment} & each.offer.tags for each in found)


def test_what_is_sold_out_is_not_offered() -> None:
    offers = [replace(each, available=each.item_id != 201) for each in OFFERS.values()]
    found = suggest(offers, Situation(cart(101), weather="hot"))
    assert [each.reason.code for each in found] == ["upsell_combo", "weather_hot"]
    assert found[1].offer.item_id == 202


def test_a_party_is_offered_drinks_until_each_has_one() -> None:
    def has_drink(drinks: int) -> bool:
        situation = Situation(((OFFERS[101], 3), (OFFERS[203], drinks)), weather="hot", party_size=3)
        return any(each.offer.category == "drinks" for each in offered(situation, 9))

    assert has_drink(2)
    assert not has_drink(3)


situations = st.builds(
    Situation,
    cart=st.lists(st.tuples(st.sampled_from(list(OFFERS.values())), st.integers(1, 5)), max_size=8).map(tuple),
    time_of_day=st.sampled_from([None, *TIMES]),
    weather=st.sampled_from([None, "hot", "Cold ", "rain", "mild"]),
    party_size=st.none() | st.integers(1, 9),
)


@given(situations, st.sets(st.sampled_from(sorted(OFFERS))), st.integers(0, 5))
def test_never_what_is_in_the_cart_or_unavailable(situation: Situation, sold_out: set[int], at_most: int) -> None:
    offers = [replace(each, available=each.item_id not in sold_out) for each in OFFERS.values()]
    found = suggest(offers, situation, at_most)
    assert len(found) <= at_most
    in_cart = {offer.item_id for offer, _ in situation.cart}
    assert not {each.offer.item_id for each in found} & (in_cart | sold_out)
    assert len({each.offer.category for each in found}) == len(found)
    for each in found:
        assert each.reason.code == each.reason.code.lower()
        assert each.reason.pitch[-1] in ".!"
        assert "{" not in each.reason.pitch
