"""A difference is allowed where it is listed, nowhere else, and only as long as it occurs."""

from ivr.simulator.scenario_differences import Difference, as_simulated

ALLOWED = (
    Difference(
        scenario="lost", caller="Mina", simulated="rings a: rona", real="rings a: busy", reason="x"
    ),
)


def test_a_listed_difference_is_taken_for_the_same() -> None:
    real = {"Mina": ["arrives", "rings a: busy"], "Sara": ["rings a: busy"]}
    assert as_simulated("lost", real, ALLOWED) == {
        "Mina": ["arrives", "rings a: rona"],
        "Sara": ["rings a: busy"],
    }


def test_other_scenarios_are_as_they_are() -> None:
    real = {"Mina": ["rings a: busy"]}
    assert as_simulated("found", real, ALLOWED) == real


def test_one_that_no_longer_occurs_is_told() -> None:
    [fact, told] = as_simulated("lost", {"Mina": ["rings a: rona"]}, ALLOWED)["Mina"]
    assert fact == "rings a: rona"
    assert "no longer occurs" in told
