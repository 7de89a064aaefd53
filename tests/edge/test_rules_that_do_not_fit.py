"""Rules that cannot be read or do not fit take nobody's line, and hold up no other decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ivr.deployment import Deployment, deploy, deploy_next, from_files
from ivr.duty import Closure, ClosureKind, DutyBook
from ivr.errors import LineError
from ivr.installation import first_in_force
from ivr.model import DeskId, ProvinceId
from ivr.settings import Settings
from ivr.store.store import Store

AT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
EVACUATED = DutyBook(
    closures=(
        Closure(
            id=1,
            desk=DeskId("markazi-saveh"),
            kind=ClosureKind.EVACUATED,
            reason="",
            from_at=AT,
            until_at=AT + timedelta(hours=1),
        ),
    )
)


@pytest.fixture(scope="module")
def running() -> Deployment:
    return deploy(Settings(), from_files(Settings()))


def test_a_desk_is_closed_also_while_published_rules_do_not_fit(running: Deployment) -> None:
    """A prompt that this machine's catalogue lacks, for instance."""
    first, *others = running.rules
    choice = first.menus.category_choices[0].model_copy(update={"prompt": "nobody-recorded-it"})
    menus = first.menus.model_copy(update={"category_choices": (choice,)})
    spoilt = (first.model_copy(update={"menus": menus}), *others)
    published = replace(running.in_force, rules=spoilt, book=EVACUATED, revision=7)
    with pytest.raises(LineError):
        deploy(Settings(), published)
    taken = deploy_next(Settings(), published, running)
    assert (taken.rules, taken.in_force.book) == (running.rules, EVACUATED)
    refused = taken.not_taken_in
    assert refused
    assert refused.subject == f"rules of {spoilt[0].id} {spoilt[0].version}"
    assert "nobody-recorded-it" in refused.reason
    assert "ivr rules rollback" in refused.reason
    mended = deploy_next(Settings(), replace(running.in_force, revision=8), taken)
    assert mended.not_taken_in is None


def test_a_province_whose_rules_cannot_be_read_goes_on_by_those_before(
    running: Deployment,
) -> None:
    left = tuple(rules for rules in running.rules if rules.id != "khuzestan")
    unreadable = (ProvinceId("khuzestan"),)
    found = replace(running.in_force, rules=left, book=EVACUATED, unreadable=unreadable)
    taken = deploy_next(Settings(), found, running)
    assert set(taken.lines) == set(running.lines)
    assert taken.not_taken_in
    assert taken.not_taken_in.subject == "rules of khuzestan"
    assert taken.in_force.book == EVACUATED


async def test_a_start_takes_rules_that_cannot_be_read_from_the_files(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    async with await Store.open(settings) as store:
        every = {rules.id for rules in (await first_in_force(store, settings, AT)).rules}
        async with store.writing() as connection:
            spoilt = "UPDATE rules_versions SET rules = '{}' WHERE province = 'khuzestan'"
            await connection.execute(text(spoilt))
        found = await first_in_force(store, settings, AT)
    assert {rules.id for rules in found.rules} == every
    assert found.unreadable == ()
