from fractions import Fraction

import pytest

from topologies.model.errors import ArgumentError
from topologies.model.registry import PluginError, Registry


class NoPriceError(ValueError):
    """Nothing has the name."""


PLUM = "from fractions import Fraction\nPRICE = Fraction(3, 2)\n"


@pytest.fixture
def prices():
    known = {"apple": Fraction(1), "lemon": Fraction(2)}
    return Registry("price", Fraction, "commplan.prices", known, unknown_error=NoPriceError)


@pytest.fixture
def bring(install):
    """Install a package that brings prices, each with the text of a module of its own."""

    def brought(package, **texts):
        modules = {f"{package}_{name}": text for name, text in texts.items()}
        points = "\n".join(f"{name} = {package}_{name}:PRICE" for name in texts)
        return install(package, f"[commplan.prices]\n{points}\n", modules)

    return brought


def test_what_is_registered_is_got_by_its_name_behind_what_was_known(prices):
    prices.register("plum", Fraction(3, 2))
    assert list(prices) == ["apple", "lemon", "plum"]
    assert len(prices) == 3
    assert prices.get("plum") == prices["plum"] == Fraction(3, 2)
    assert list(prices.values()) == [1, 2, Fraction(3, 2)]
    prices.remove("plum")
    assert "plum" not in prices


@pytest.mark.parametrize("name", ["aple", 7, None, ["apple"]])
def test_an_unknown_name_is_told_with_all_that_are_known(prices, name):
    with pytest.raises(NoPriceError, match=r"^no price is named .*known: apple, lemon$"):
        prices.get(name)
    assert name not in prices


@pytest.mark.parametrize(
    ("name", "thing", "words"),
    [
        ("apple", Fraction(5), "there is a price 'apple' already"),
        ("", Fraction(5), "name: found '', expected a name without a colon"),
        ("a:b", Fraction(5), "expected a name without a colon"),
        ("plum", "dear", "price: found 'dear', expected a Fraction"),
    ],
)
def test_only_things_of_the_kind_are_registered_under_free_names(prices, name, thing, words):
    with pytest.raises(ArgumentError, match=words):
        prices.register(name, thing)
    assert prices.names() == ("apple", "lemon")


def test_a_package_of_others_brings_things_that_are_imported_when_asked_for(prices, bring):
    bring("orchard", plum=PLUM, stone="raise SystemError")
    assert prices.names() == ("apple", "lemon", "plum", "stone")
    assert prices.get("plum") == Fraction(3, 2)


def test_ours_are_never_taken_by_a_package_of_others(prices, bring):
    bring("orchard", apple=PLUM)
    assert prices.get("apple") == 1
    assert dict(prices.items()) == {"apple": 1, "lemon": 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise SystemError('not ripe\\nyet')", "cannot be imported: SystemError: not ripe yet"),
        ("import a_module_that_is_not", "cannot be imported: ModuleNotFoundError: No module"),
        ("", "cannot be imported: AttributeError: .* 'PRICE'"),
        ("PRICE = 7", "is of the type int, expected Fraction"),
    ],
)
def test_what_is_broken_is_told_by_its_package_to_who_asks_for_it(prices, bring, text, why):
    bring("orchard", stone=text, plum=PLUM)
    for _ in range(2):
        with pytest.raises(PluginError, match=f"^package orchard: price 'stone' {why}"):
            prices.get("stone")
    assert dict(prices.items()).keys() == {"apple", "lemon", "plum"}


def test_what_is_broken_is_warned_of_once_where_all_are_listed(prices, bring):
    bring("orchard", stone="PRICE = 7", plum=PLUM)
    with pytest.warns(PluginError, match="^package orchard: price 'stone' is of the type int"):
        assert len(dict(prices.items())) == 3
    assert len(dict(prices.items())) == 3


def test_a_package_whose_list_cannot_be_read_stands_in_nobodys_way(prices, install, bring):
    bring("orchard", plum=PLUM)
    install("ruin", "[commplan.prices]\nno equals sign\n", {})
    with pytest.warns(PluginError, match="^package ruin: its entry points cannot be read: "):
        assert prices.get("plum") == Fraction(3, 2)
