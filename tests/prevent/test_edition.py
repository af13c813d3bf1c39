"""Editions of the rule set: published whole or not at all, rolled back by publishing again."""

from __future__ import annotations

import pytest

from tianmu.city.pack import load as load_pack
from tianmu.prevent.rule.edition import Editions, vocabulary
from tianmu.prevent.rule.reading import read
from tianmu.prevent.rule.vocabulary import RuleError

from .town import city


def test_publish_and_roll_back() -> None:
    town = city()
    editions = Editions(town.rules)
    assert editions.current.version == 0 and len(editions.current.rules) == 5
    fewer = editions.publication(town.rules[:1], town, actor="a", at=1, reason="less")
    assert editions.apply(fewer) and not editions.apply("something else")
    assert (fewer.version, len(fewer.rules)) == (1, 1)
    back = editions.rollback(0, town, actor="a", at=2)
    assert editions.apply(back)
    assert (back.version, len(back.rules)) == (2, 5)
    first, _ = read(town.rules)
    again, fault = editions.in_force(vocabulary(town))
    assert again == first and fault is None
    with pytest.raises(KeyError, match="no edition 9"):
        editions.find(9)


def test_a_faulty_set_is_not_published() -> None:
    town = city()
    with pytest.raises(RuleError, match="nosuch"):
        Editions(town.rules).publication(
            [{**town.rules[0], "property": "nosuch"}], town, actor="a", at=1
        )


@pytest.mark.parametrize("pack", ["liyang", "port_ellery"])
def test_rules_of_our_packs_have_no_fault(pack: str) -> None:
    town = load_pack(pack)
    rules, faults = read(town.rules, vocabulary(town))
    assert not faults and len(rules) == len(town.rules)
