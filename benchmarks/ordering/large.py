"""A menu of any size, made up: as many different names, words and labels as a large one has."""

from __future__ import annotations

import random
from itertools import product

from edge.agents.menu.catalogue import Category, Customization, Dish, Menu
from edge.contract.money import Money

_STYLES = (
    "Crispy Smoky Grilled Roasted Spicy Golden Rustic Creamy Tangy Zesty Charred Braised Glazed Stuffed Loaded "
    "Classic Double Garden Country Harvest Coastal Mountain Island Village Royal Little Grand Midnight Sunny Winter"
).split()
_OF = (
    "Chicken Beef Pork Lamb Salmon Cod Tuna Shrimp Tofu Halloumi Mushroom Lentil Chickpea Pumpkin Aubergine Spinach "
    "Avocado Mango Apple Cherry"
).split()
_KINDS: tuple[tuple[str, Category], ...] = (
    ("Burger", "mains"), ("Wrap", "mains"), ("Pizza", "mains"), ("Curry", "mains"), ("Salad", "mains"),
    ("Noodles", "mains"), ("Soup", "mains"), ("Bites", "sides"), ("Fries", "sides"), ("Smoothie", "drinks"),
    ("Lemonade", "drinks"), ("Tart", "desserts"), ("Crumble", "desserts"),
)  # fmt: skip
_WITH = (
    "garlic butter|lime slaw|chili relish|roast peppers|pickled onions|fresh basil|coconut cream|toasted seeds|"
    "blue cheese|maple glaze|herb dressing|black pepper|sweet paprika|brown rice|sourdough|sea salt|ginger|mint yoghurt"
).split("|")
_TAGS = "popular spicy light lunch dinner breakfast afternoon night sharing combo cold hot kids grill".split()
_ALLERGENS = "gluten dairy egg fish shellfish nuts soy sesame celery mustard".split()


def menu(dishes: int = 2000, seed: int = 1) -> Menu:
    """A menu of up to 7,800 dishes, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - a menu, not a secret
    names = list(product(_STYLES, _OF, _KINDS))
    chosen = rng.sample(names, dishes)
    made = []
    for number, (style, of, (kind, category)) in enumerate(chosen, 1):
        allergens = sorted(rng.sample(_ALLERGENS, rng.randint(0, 3)))
        diets = [] if {"fish", "shellfish"} & set(allergens) or rng.random() < 0.5 else ["vegetarian"]
        diets += ["gluten-free"] if "gluten" not in allergens else []
        made.append(
            Dish(
                id=number,
                name=f"{style} {of} {kind}",
                description=f"{of} with {', '.join(rng.sample(_WITH, 3))}.",
                category=category,
                price=Money(rng.randrange(199, 2499)),
                image="/img/dish.svg",
                calories=rng.randrange(50, 1200),
                allergens=allergens,
                diets=diets,
                tags=rng.sample(_TAGS, 3),
                customizations=[Customization(name=f"Extra {each}", price=Money(100)) for each in rng.sample(_WITH, 2)],
                stock="unlimited" if rng.random() < 0.9 else rng.randrange(50),
                pairs_with=[other for other in rng.sample(range(1, dishes + 1), 2) if other != number],
                names={"de": f"{of} {kind} Nummer {number}"},
            )
        )
    return Menu(made, "EUR", Menu.load().search)
