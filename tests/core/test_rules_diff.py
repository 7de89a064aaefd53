"""Differences of two versions of the rules: nothing is silent, and the words say it plainly."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ivr.rules.changes import changes
from ivr.rules.diff import Difference, differences
from ivr.rules.load import load_all, load_rules
from ivr.rules.schema import ProvinceRules
from ivr.settings import PROJECT

PROVINCES = {rules.id: rules for rules in load_all(PROJECT / "deploy" / "provinces")}
FULL = load_rules(Path(__file__).parent / "data" / "good.yaml")
ALL = [*PROVINCES.values(), FULL]
MARKAZI = PROVINCES["markazi"]

Step = str | int
Place = tuple[Step, ...]

# What one value may become: whichever of these the schema takes.
OTHERS: tuple[Any, ...] = (
    *("p1", "P1", "P4", "1", "8", "123456", "1405-01-02", "13:37", "choice-other", "central"),
    *("planned", "never", "friday", "night", "danger", "language", "on_call", "lunar", "closed"),
    *(True, False, None, 1, 2, 3, 17, 0.5, 0, [], ["night"], [1]),
)


def plain(rules: ProvinceRules) -> dict[str, Any]:
    return rules.model_dump(mode="json")


def changed(rules: ProvinceRules, place: Place, value: Any) -> ProvinceRules:
    """The rules with one value replaced; raises ValidationError where it does not fit."""
    data = plain(rules)
    target: Any = data
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    return ProvinceRules.model_validate(data)


def places(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value and list of a document with its place; one item of each list stands for all."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*place, name))
    else:
        yield place, data
        if isinstance(data, list) and data:
            yield from places(data[0], (*place, 0))


def mutants(rules: ProvinceRules) -> Iterator[tuple[Place, ProvinceRules]]:
    for place, value in places(plain(rules)):
        for other in _others(value):
            try:
                yield place, changed(rules, place, other)
            except ValidationError:
                continue


def _others(value: Any) -> Iterator[Any]:
    yield from (other for other in OTHERS if other != value)
    if isinstance(value, list):
        yield from (value[::-1], value[1:], value[:-1], [*value, *value[:1]])


# These two reach every field (the test below); all others are tried by `make long`.
REACHING = (FULL, PROVINCES["qazvin"])


@pytest.mark.parametrize(
    "rules",
    [pytest.param(one, marks=() if one in REACHING else pytest.mark.long) for one in ALL],
    ids=lambda rules: rules.id,
)
def test_no_change_of_any_field_is_silent(rules: ProvinceRules) -> None:
    tried = set()
    for place, mutant in mutants(rules):
        found = differences(rules, mutant)
        assert bool(found) == (rules != mutant), place
        assert all(item.text and item.field for item in found)
        if found:
            tried.add(tuple("*" if isinstance(part, int) else part for part in place))
    assert len(tried) > 60


def test_the_mutations_reach_every_field_of_the_schema() -> None:
    """Else a new field would not be tried at all."""
    reached: set[str] = set()
    for rules in REACHING:
        reached |= {part for place, _ in mutants(rules) for part in place if isinstance(part, str)}
    assert set(ProvinceRules.model_fields) <= reached


@pytest.mark.parametrize("rules", ALL, ids=lambda rules: rules.id)
def test_the_same_rules_differ_in_nothing(rules: ProvinceRules) -> None:
    assert differences(rules, ProvinceRules.model_validate(plain(rules))) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("abc"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "key", "x", "y"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(old=JSON, new=JSON)
def test_documents_differ_exactly_where_changes_are_found(old: Any, new: Any) -> None:
    assert bool(list(changes(old, new))) == (old != new)


@settings(deadline=None)
@given(data=st.data())
def test_a_part_put_elsewhere_is_found(data: st.DataObject) -> None:
    old = data.draw(st.lists(JSON, min_size=2, max_size=6))
    new = data.draw(st.permutations(old))
    assert bool(list(changes({"items": old}, {"items": new}))) == (old != new)


def test_provinces_as_different_as_can_be() -> None:
    for old in ALL:
        for new in ALL:
            assert bool(differences(old, new)) == (old != new)


def edit(rules: ProvinceRules = MARKAZI) -> dict[str, Any]:
    return copy.deepcopy(plain(rules))


def of(data: dict[str, Any], rules: ProvinceRules = MARKAZI) -> list[Difference]:
    return list(differences(rules, ProvinceRules.model_validate(data)))


def item(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in items if one["id"] == name)


def test_a_centre_that_opens() -> None:
    data = edit()
    item(data["counties"], "markazi-tafresh")["centre"]["state"] = "open"
    (found,) = of(data)
    assert found.text == "markazi-tafresh: its centre is now open (was planned for 1404-12-29)"
    assert found.affects == "callers of markazi-tafresh"
    assert found.field == "counties[markazi-tafresh].centre.state"
    assert (found.old, found.new) == ("planned", "open")


def test_a_centre_that_closes_concerns_those_whom_it_serves() -> None:
    data = edit()
    item(data["counties"], "markazi-arak")["centre"]["state"] = "none"
    (found,) = of(data)
    assert found.text == "markazi-arak: its centre is now none of its own (was open)"
    assert found.affects == "callers of markazi-arak, markazi-farahan, markazi-ashtian"


def test_a_county_elsewhere_in_the_list_is_no_other_county() -> None:
    data = edit()
    data["counties"].append(data["counties"].pop(0))
    (found,) = of(data)
    assert found.field == "counties"
    assert found.text.startswith("counties: the order is now markazi-khomeyn, ")


def test_counties_added_and_removed() -> None:
    data = edit()
    gone = data["counties"].pop()
    (found,) = of(data)
    assert found.text == f"{gone['id']} is no county of these rules any more"
    (back,) = differences(ProvinceRules.model_validate(data), MARKAZI)
    assert back.text == (
        "markazi-ashtian is a county of these rules now; its centre: planned for 1405-12-29"
    )
    assert back.affects == "callers of markazi-ashtian"


def test_steps() -> None:
    data = edit()
    data["steps"][1]["lasts_s"] = 30
    (longer,) = of(data)
    assert longer.text == "step 2 lasts 30 s (was 20 s)"
    assert longer.affects == "every caller who waits"
    data["steps"].insert(1, {"ring": "neighbours"})
    assert [one.text for one in of(data)] == [
        "step 2 is new: the counties next to it for 20 s",
        "step 3 lasts 30 s (was 20 s)",
    ]
    del data["steps"][2]
    assert [one.text for one in of(data)] == [
        "step 2 adds the counties next to it (was its supporting counties)"
    ]


def test_keys_of_the_menus() -> None:
    data = edit()
    first, second = data["menus"]["county_pages"]
    first[2]["county"] = "markazi-tafresh"
    second.pop()
    assert [one.text for one in of(data)] == [
        "key 3 of page 1 now leads to markazi-tafresh (was markazi-khomeyn)",
        "key 4 of page 2 now leads to nothing (was markazi-ashtian)",
    ]
    data = edit()
    data["menus"]["category_choices"][1]["lane"] = "danger"
    (found,) = of(data)
    assert found.text == "key 2 of the subjects now leads to the lane danger (was ordinary)"
    assert found.affects == "callers who choose key 2 of the subjects"


def test_supporting_counties() -> None:
    data = edit()
    served = item(data["counties"], "markazi-tafresh")
    served["supporting"].insert(0, {"county": "markazi-arak"})
    (found,) = of(data)
    assert found.text == (
        "markazi-tafresh: markazi-arak serves it too; its supporting counties are now "
        "markazi-arak, markazi-saveh"
    )
    assert found.affects == "callers of markazi-tafresh"


def test_a_field_without_words_of_its_own_is_named_with_both_values() -> None:
    data = edit()
    data["limits"]["ring_s"] = 25
    (found,) = of(data)
    assert found.text == (
        "limits.ring_s: now 25 s (was 20 s): how long one counsellor's phone rings for one call"
    )


def test_what_is_only_for_the_record_says_so() -> None:
    data = edit()
    item(data["counties"], "markazi-tafresh")["centre"]["source"] = "a letter of the province"
    (found,) = of(data)
    assert found.affects == "nobody: it is for the record"


def test_differences_are_plain_json() -> None:
    old, new = PROVINCES["ilam"], PROVINCES["khuzestan"]
    assert json.dumps([[one.old, one.new] for one in differences(old, new)])
