"""What past orders tell, and what is made of it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.ordering import diner
from benchmarks.ordering.history import hit_rates
from edge.agents.recsys.learned import Learned
from edge.agents.recsys.memory import Memory
from edge.agents.recsys.offers import Offer
from edge.agents.recsys.rules import RULES, Situation
from edge.agents.recsys.suggest import _FADING, suggest
from edge.assembly import offers
from edge.contract.menu import allergens_meant
from tests.edge.agents.recsys.shipped import OFFERS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def town(orders: int) -> Learned:
    """Whoever has the wings (109) has the shake (207); cola (201) sells most, but not with wings."""
    learned = Learned()
    for number in range(orders):
        learned.add([109, 207] if number % 4 == 0 else [101, 201])
    return learned


def test_what_is_bought_together_is_offered_and_said() -> None:
    wings = Situation(((OFFERS[109], 1),))
    assert suggest(OFFERS.values(), wings)[0].offer.item_id == 201
    first = suggest(OFFERS.values(), wings, learned=town(200))[0]
    assert (first.offer.item_id, first.reason.code) == (207, "bought_with_109")
    assert first.reason.pitch == "Often ordered with Spicy Wings: Chocolate Shake."


def test_a_few_orders_hardly_move_the_rules_and_none_not_at_all() -> None:
    for cart in ((), (101,), (109,), (206, 401)):
        situation = Situation(tuple((OFFERS[item], 1) for item in cart), weather="hot")
        cold = suggest(OFFERS.values(), situation)
        assert suggest(OFFERS.values(), situation, learned=Learned()) == cold
        assert cold
    assert suggest(OFFERS.values(), Situation(((OFFERS[109], 1),)), learned=town(4))[0].offer.item_id == 201


def test_weather_speaks_beside_what_was_learned() -> None:
    learned = Learned()
    for number in range(400):
        learned.add([101, 201 if number % 2 else 206])
    for weather, drink, code in (("hot", 201, "weather_hot"), ("cold", 206, "weather_cold")):
        found = suggest(OFFERS.values(), Situation(((OFFERS[101], 1),), weather=weather), learned=learned)
        assert (found[0].offer.item_id, found[0].reason.code) == (drink, code)


def test_the_time_of_day_is_learned() -> None:
    learned = Learned()
    for _ in range(200):
        learned.add([104, 203], "breakfast")
        learned.add([104, 201], "dinner")
    for moment, drink in (("breakfast", 203), ("dinner", 201)):
        assert (
            suggest(OFFERS.values(), Situation(((OFFERS[104], 1),), moment), learned=learned)[0].offer.item_id == drink
        )


def test_forgetting_takes_back_what_was_learned() -> None:
    learned = town(40)
    before = [learned.likelihood([109], "lunch")(dish) for dish in OFFERS]
    learned.add([109, 402, 402], "lunch")
    assert [learned.likelihood([109], "lunch")(dish) for dish in OFFERS] != before
    learned.forget([402, 109], "lunch")
    assert [learned.likelihood([109], "lunch")(dish) for dish in OFFERS] == before


@pytest.mark.timeout(300)  # ten thousand of them
def test_ten_thousand_random_carts_break_no_rule() -> None:
    dishes = offers(diner.menu())
    rng = random.Random(7)  # noqa: S311 - carts, not secrets
    ids = sorted(dishes)
    diets = ("vegetarian", "vegan", "gluten-free", "nut-free")
    allergens = ("gluten", "dairy", "egg", "fish", "nuts", "milk", "soy")
    learned = Learned()
    for _ in range(2000):
        learned.add(rng.sample(ids, rng.randint(1, 5)), rng.choice((None, "lunch", "dinner")))
    offered = 0
    for _ in range(10_000):
        chosen = rng.sample(ids, rng.randint(0, 6))
        sold_out = set(rng.sample(ids, rng.randint(0, 60)))
        now = [replace(offer, available=item not in sold_out) for item, offer in dishes.items()]
        situation = Situation(
            tuple((dishes[item], rng.randint(1, 4)) for item in chosen),
            rng.choice((None, "breakfast", "lunch", "afternoon", "dinner", "night")),
            rng.choice((None, "hot", "cold", "mild")),
            rng.choice((None, 1, 2, 5)),
            frozenset(rng.sample(diets, rng.choice((0, 0, 1, 2)))),
            allergens_meant(rng.sample(allergens, rng.choice((0, 0, 1, 3)))),
        )
        found = suggest(now, situation, learned=learned)
        offered += len(found)
        assert len(found) <= 2
        for each in found:
            offer = each.offer
            assert offer.item_id not in chosen
            assert offer.item_id not in sold_out
            assert situation.diets <= offer.diets
            assert not situation.avoided & offer.allergens
            assert situation.pieces[offer.category] < situation.people
            assert each.reason.pitch[-1] in ".!"
        assert len({each.offer.category for each in found}) == len(found)
    assert offered > 10_000


def test_a_dish_left_out_of_an_order_is_guessed_better_than_by_popularity() -> None:
    found = hit_rates(diner.menu(), seed=11, past=1000, asked=200)
    assert found.ratio >= 1.5, found


def test_offers_that_are_alike_to_the_rules_are_weighed_alike() -> None:
    """The quick way and the plain one come to the same."""
    rng = random.Random(3)  # noqa: S311 - carts, not secrets
    learned = town(30)
    sure = learned.sureness
    for _ in range(300):
        situation = Situation(
            tuple((OFFERS[item], rng.randint(1, 3)) for item in rng.sample(sorted(OFFERS), rng.randint(0, 4))),
            rng.choice((None, "breakfast", "night")),
            rng.choice((None, "hot", "rain")),
            rng.choice((None, 1, 4)),
        )
        in_cart = [offer.item_id for offer, _ in situation.cart]
        likelihood = learned.likelihood(in_cart, situation.time_of_day)
        plain = []
        for offer in OFFERS.values():
            if offer.item_id not in in_cart and situation.pieces[offer.category] < situation.people:
                said = [(rule, reason) for rule in RULES if (reason := rule(offer, situation))]
                score = sum(reason.weight * (1 - sure if rule in _FADING else 1) for rule, reason in said)
                if said or learned.bought(offer.item_id) >= 3:
                    plain.append((score + 3.0 * sure * likelihood(offer.item_id), offer))
        plain.sort(key=lambda one: -one[0])
        expected = list(dict.fromkeys(offer.category for _, offer in plain))
        found = suggest(OFFERS.values(), situation, 9, learned)
        assert [each.offer.category for each in found] == expected
        assert [each.offer for each in found] == [
            next(offer for _, offer in plain if offer.category == category) for category in expected
        ]


# -- memory ---------------------------------------------------------------------------------------------------------


def test_an_order_is_learned_once_and_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "recsys" / "orders.sqlite")
    assert memory.remember("order-1", NOON, "lunch", [101, 201, 201])
    assert not memory.remember("order-1", NOON, "lunch", [101, 201])
    memory.read_until = NOON
    memory.close()
    again = Memory(tmp_path / "recsys" / "orders.sqlite")
    assert (again.learned.orders, again.learned.together(101, 201), again.read_until) == (1, 1, NOON)
    again.close()


def test_old_orders_are_forgotten(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "orders.sqlite", days=30)
    memory.remember("old", NOON - timedelta(days=31), "lunch", [101, 201])
    memory.remember("new", NOON - timedelta(days=29), None, [101, 202])
    assert memory.forget_old(NOON) == 1
    assert (memory.learned.orders, memory.learned.together(101, 201), memory.learned.bought(101)) == (1, 0, 1)
    assert memory.forget_old(NOON) == 0
    memory.close()


def test_a_memory_that_cannot_be_read_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "orders.sqlite"
    path.write_bytes(b"nothing a database would hold" * 99)
    memory = Memory(path)
    assert "can't be used" in caplog.text
    assert path.with_suffix(".damaged").exists()
    assert memory.remember("order-1", NOON, None, [1])
    memory.close()


def test_offers_carry_diets_and_allergens() -> None:
    made: Offer = offers(diner.menu())[101]
    assert made.diets == {"nut-free"}
    assert made.allergens == {"gluten", "dairy", "sesame"}
