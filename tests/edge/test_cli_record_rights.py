"""Every command that records or shows what was recorded, asked by every role: default deny."""

import asyncio
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from ivr import passwords
from ivr.cli import app
from ivr.errors import BadInput, NotAllowed
from ivr.model import CounsellorId, CountyId, ProvinceId
from ivr.outcome_form import one_touch
from ivr.outcomes import Relation
from ivr.store.deeds import AddFollowUp, BeginVisit, RequestTrip, Save
from ivr.store.doing import Doing
from ivr.store.follow_ups import FollowUpKind
from ivr.store.store import Store
from tests.edge.staff import PASSWORD, SAVEH, STAFF, take_in_staff
from tests.edge.store_examples import FACTS, at, call, settings
from tests.edge.test_referrals_store import TWO, stay, trip

PLACE = {"province": ProvinceId("markazi"), "county": CountyId("markazi-saveh")}
COMMANDS = {
    "add": "outcome 170.5 unrelated",
    "save": "outcome save 170.5 FORM",
    "form": "outcome form 170.5",
    "pending": "outcome pending reza",
    "paper": "outcome paper markazi-saveh prank --at 1405-08-30 --key 17",
    "spool": "outcome spool",
    "request": "dispatch request qazvin-avaj --call 170.5 --key t2",
    "step": "dispatch step 1 sent",
    "trips": "dispatch list --province markazi",
    "begin": "admission begin a-centre markazi-saveh --key v2",
    "prolong": "admission prolong 1 1405-09-05",
    "end": "admission end 1 home",
    "stays": "admission list --province markazi",
    "follow": "follow-up add 170.5 1405-09-03",
    "take": "follow-up take 1",
    "done": "follow-up done 1",
    "due": "follow-up list --province markazi",
}
# The call, trip, stay and follow-up are of the desk markazi-saveh; omid sits at another one of the
# province, whose lists have nothing for him.
TABLE = """
          sara omid boss desk-boss ilam-boss keeper manager auditor nobody
add       yes  -    yes  yes       -         -      -       -       -
save      yes  -    yes  yes       -         -      -       -       -
form      yes  -    yes  yes       -         yes    -       yes     -
pending   yes  -    yes  yes       -         yes    -       yes     -
paper     yes  -    yes  yes       -         -      -       -       -
spool     yes  yes  yes  yes       yes       yes    -       yes     -
request   yes  -    yes  yes       -         -      -       -       -
step      yes  -    yes  yes       -         -      -       -       -
trips     yes  yes  yes  yes       -         yes    -       yes     -
begin     yes  -    yes  yes       -         -      -       -       -
prolong   yes  -    yes  yes       -         -      -       -       -
end       yes  -    yes  yes       -         -      -       -       -
stays     yes  yes  yes  yes       -         yes    -       yes     -
follow    yes  -    yes  yes       -         -      -       -       -
take      yes  -    yes  yes       -         -      -       -       -
done      yes  -    yes  yes       -         -      -       -       -
due       yes  yes  yes  yes       -         yes    -       yes     -
"""


@pytest.fixture(autouse=True)
def _copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.delenv("IVR_USER", raising=False)
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    form = one_touch(Relation.TEST).model_dump_json()
    (tmp_path / "form.json").write_text(form, encoding="utf-8")
    asyncio.run(prepare(tmp_path))


async def prepare(home: Path) -> None:
    async with await Store.open(settings(home)) as store:
        await take_in_staff(store)
        ours = call(
            "170.5",
            facts=FACTS,
            desk=SAVEH,
            counsellor=CounsellorId("reza"),
            connected_at=at(1),
            talk_ended_at=at(60),
            ended_at=at(61),
        )
        owed = [call(f"180.{n}", **{name: getattr(ours, name) for name in OWED}) for n in (1, 2)]
        await store.save_calls([ours, *owed])
        doing = Doing(store)
        begun = BeginVisit(visit=stay(**PLACE), served=TWO)
        follow_up = AddFollowUp(kind=FollowUpKind.FOLLOW_UP, due_at=at(0))
        for key, deed, of in (
            ("t1", RequestTrip(trip=trip(**PLACE)), None),
            ("v1", begun, None),
            ("f1", follow_up, ours.call),
        ):
            save = Save(key=key, by="boss", at=at(0), call=of, deed=deed)
            await doing.do(save, STAFF[CounsellorId("boss")])


OWED = ("facts", "desk", "counsellor", "connected_at", "talk_ended_at", "ended_at")


def run(tmp_path: Path, line: str, who: str) -> str:
    words = line.replace("FORM", str(tmp_path / "form.json")).split()
    result = CliRunner().invoke(app, [*words, "--as", who])
    if isinstance(result.exception, NotAllowed):
        assert who in str(result.exception)
        return "-"
    assert result.exit_code == 0, (line, who, result.exception)
    return "yes"


def test_every_command_for_every_role(tmp_path: Path) -> None:
    head, *lines = TABLE.strip("\n").splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    expected = {name: dict(zip(head.split(), row, strict=True)) for name, row in rows.items()}
    found = {
        name: {who: run(tmp_path, COMMANDS[name], who) for who in head.split()} for name in COMMANDS
    }
    assert found == expected


def test_lists_show_what_is_ones_own_alone(tmp_path: Path) -> None:
    for line in (COMMANDS["trips"], COMMANDS["stays"], COMMANDS["due"] + " --until 1405-12-01"):
        shown = {
            who: CliRunner().invoke(app, [*line.split(), "--json", "--as", who]).stdout.strip()
            for who in ("sara", "omid", "auditor")
        }
        assert shown["omid"] == "[]"
        assert shown["sara"] == shown["auditor"] != "[]"


def test_nobody_who_does_not_sign_in_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in COMMANDS.values():
        words = line.replace("FORM", str(tmp_path / "form.json")).split()
        result = CliRunner().invoke(app, words)
        assert isinstance(result.exception, BadInput)
        assert "Nobody said who acts" in str(result.exception)
    monkeypatch.setenv("IVR_PASSWORD", "another password")
    wrong = CliRunner().invoke(app, [*COMMANDS["add"].split(), "--as", "boss"])
    assert "wrong password" in str(wrong.exception)


def test_a_proposal_tells_of_nobody_and_asks_nobody() -> None:
    assert CliRunner().invoke(app, ["dispatch", "propose", "qazvin-avaj"]).exit_code == 0
