"""A spreadsheet becomes a menu, and the menu a file that reads the same."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.menu.catalogue import Customization, Menu, MenuInvalid
from edge.agents.menu.importing import as_toml, read_csv
from edge.contract.money import Money

GOOD = """\
id,name,category,price,description,image,calories,tags,diets,allergens,customizations,stock,pairs_with,name_de
1,Soup,mains,4.50,"Hot, with
bread.",/img/soup.svg,100,hot;light,vegan|vegetarian,,Bread=0.50;No Salt,,2,Suppe
2,Cola,drinks,"2,99",Cold.,/img/cola.svg,200,cold,,,,12,,

3,Pie,desserts,5,Sweet.,/img/pie.svg,300,,,gluten; egg,,unlimited,1;2,Kuchen
"""


def test_cells_become_a_menu() -> None:
    menu = read_csv(GOOD, "m.csv", "EUR")
    soup, cola, pie = menu.dishes
    assert (soup.name, soup.description, soup.price) == ("Soup", "Hot, with\nbread.", Money.of("4.50"))
    assert soup.customizations == [
        Customization(name="Bread", price=Money(50)),
        Customization(name="No Salt", price=Money(0)),
    ]
    assert (soup.tags, soup.diets, soup.allergens, soup.names) == (
        ["hot", "light"],
        ["vegan", "vegetarian"],
        [],
        {"de": "Suppe"},
    )
    assert (cola.price, cola.stock, cola.names) == (Money(299), 12, {})
    assert (pie.stock, pie.pairs_with, pie.allergens) == ("unlimited", [1, 2], ["gluten", "egg"])
    assert menu.currency == "EUR"


def test_semicolons_tabs_and_a_byte_order_mark_are_read() -> None:
    def written(delimiter: str) -> str:
        head, row = GOOD.splitlines()[0], "2,Cola,drinks,2.99,Cold.,/img/cola.svg,200,cold,,,,12,,Cola"
        return "\ufeff" + "\r\n".join(line.replace(",", delimiter) for line in (head, row))

    for delimiter in (",", ";", "\t"):
        assert read_csv(written(delimiter), "m.csv", "EUR").dish(2).name == "Cola"


def test_every_fault_has_its_line() -> None:
    text = GOOD.replace("4.50", "4.505").replace("200,cold", "many,cold").replace("1;2,Kuchen", "1;9,Kuchen")
    text += (
        "3,Tart,desserts,5,Sweet.,/img/pie.svg,300,,vegetarian,fish,,,,\n4,Cake,cakes,5,Sweet.,cake.svg,1,,,,,,,,,\n"
    )
    with pytest.raises(MenuInvalid) as wrong:
        read_csv(text, "m.csv", "EUR")
    assert [each.split(": ")[0] for each in wrong.value.faults] == [
        "m.csv:2",
        "m.csv:4",
        "m.csv:8",
        "m.csv:6",
        "m.csv:7",
        "m.csv:7",
    ]
    assert "two decimals" in wrong.value.faults[0]
    assert "`calories`" in wrong.value.faults[1]
    assert "16 cells under 14 columns" in wrong.value.faults[2]
    assert "names 9" in wrong.value.faults[3]
    assert "a second dish has the `id` 3" in wrong.value.faults[4]
    assert "vegetarian" in wrong.value.faults[5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "column `id` is missing"),
        ("id,name,prize\n", "no column is called `prize`"),
        ("id,name,id\n", "a second column is called `id`"),
        (GOOD.splitlines()[0] + "\n", "no dish"),
        (GOOD.replace('"Hot', '"Hot"x'), "m.csv:2"),
        (GOOD.replace("name_de", "name_german"), "has the key `german`"),
    ],
)
def test_what_is_no_menu_is_refused(text: str, says: str) -> None:
    with pytest.raises(MenuInvalid) as wrong:
        read_csv(text, "m.csv", "EUR")
    assert says in str(wrong.value)


def test_a_currency_is_three_letters() -> None:
    with pytest.raises(MenuInvalid, match="three capital letters"):
        read_csv(GOOD, "m.csv", "euro")


def same(one: Menu, other: Menu) -> bool:
    return (one.dishes, one.currency, one.search, dict(one.pronounced)) == (
        other.dishes,
        other.currency,
        other.search,
        dict(other.pronounced),
    )


def test_a_written_menu_reads_the_same() -> None:
    shipped = Menu.load()
    for menu in (shipped, read_csv(GOOD, "m.csv", "EUR", base=shipped)):
        assert same(Menu.parse(as_toml(menu)), menu)


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_any_text_is_written_so_that_it_reads_the_same(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    menu = read_csv(GOOD, "m.csv", "EUR")
    dish = menu.dish(2)
    odd = Menu([msgspec.structs.replace(dish, description=text, names={"de": text})], "EUR")
    assert same(Menu.parse(as_toml(odd)), odd)
