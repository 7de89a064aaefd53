"""`ivr duty`: what a supervisor and a script get, and what is refused."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from ivr.calendar import plain_day, plain_minute
from ivr.cli import app
from ivr.errors import BadInput, NotAllowed
from ivr.jalali import WEEKDAYS, JalaliWeek, week_at
from ivr.model import CounsellorId, DeskId, DeviceId, ProvinceId
from ivr.people import DeviceEntry, Grant, Person, Role
from ivr.settings import Settings
from ivr.store.people import PeopleStore
from ivr.store.store import Store
from ivr.store.tables import audit

NOW = datetime.now(UTC)
PASSWORD = "specimen words for a test"
MARKAZI = ProvinceId("markazi")
Run = Callable[..., str]


def _counsellor(name: str, desk: str, *, enabled: bool = True) -> Person:
    return Person(
        id=CounsellorId(name),
        name_fa=f"نمونهٔ {name}",
        enabled=enabled,
        desks=(DeskId(desk),),
        devices=(DeviceEntry(id=DeviceId(name)),),
    )


def _supervisor(name: str, desk: str | None = None) -> Person:
    grant = Grant(role=Role.SUPERVISOR, province=MARKAZI, desk=DeskId(desk) if desk else None)
    return Person(id=CounsellorId(name), name_fa="سرپرست", grants=(grant,))


PEOPLE = [
    _counsellor("saveh-1", "markazi-saveh"),
    _counsellor("saveh-2", "markazi-saveh"),
    _counsellor("arak-1", "markazi-arak"),
    _counsellor("left-1", "markazi-saveh", enabled=False),
    _supervisor("boss"),
    _supervisor("saveh-boss", "markazi-saveh"),
]


async def _open(home: Path, work: Callable[[Store], Any]) -> Any:
    async with await Store.open(Settings(home=home)) as store:
        return await work(store)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with these people; passwords take a while to hash, so only once."""
    home = tmp_path_factory.mktemp("installed")
    passwords = dict.fromkeys(("boss", "saveh-boss", "saveh-1"), PASSWORD)

    async def take_in(store: Store) -> None:
        await PeopleStore(store).take_in(PEOPLE, by="local", now=NOW, passwords=passwords)

    asyncio.run(_open(home, take_in))
    return home


@pytest.fixture
def home(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copytree(installed, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("IVR_HOME", str(tmp_path))
    monkeypatch.setenv("IVR_USER", "boss")
    monkeypatch.setenv("IVR_PASSWORD", PASSWORD)
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    """Run `ivr duty` with these words; errors are raised."""

    def run_command(*words: str) -> str:
        result = CliRunner().invoke(app, ["duty", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run_command


def decisions(home: Path) -> list[tuple[str, str]]:
    async def read(store: Store) -> list[tuple[str, str]]:
        rows = await store.rows(select(audit).order_by(audit.c.seq))
        return [(row["action"], row["by"]) for row in rows if row["action"].startswith("duty.")]

    found: list[tuple[str, str]] = asyncio.run(_open(home, read))
    return found


def typed(at: datetime) -> str:
    return plain_minute(at)


def desk_of(answer: str, desk: str = "markazi-saveh") -> dict[str, Any]:
    found: dict[str, Any] = next(
        page for page in json.loads(answer)["desks"] if page["desk"] == desk
    )
    return found


SOON = (NOW + timedelta(hours=2)).replace(second=0, microsecond=0)
CLOSE = ("close", "markazi-saveh", "--kind", "evacuated", "--reason", "آتش‌سوزی")


def test_without_a_roster_all_are_expected(run: Run) -> None:
    page = desk_of(run("now", "--province", "markazi", "--json"))
    assert page == {
        "desk": "markazi-saveh",
        "province": "markazi",
        "expected": ["saveh-1", "saveh-2"],
        "on_call": [],
        "has_roster": False,
        "gap": False,
        "closure": None,
        "roster_until_at": None,
        "warning": None,
    }
    text = run("now")
    assert "نمونهٔ saveh-1، نمونهٔ saveh-2" in text
    assert "no roster: all are expected" in text
    assert "No change is known" in run("next")
    assert json.loads(run("next", "--json")) == {"at": None, "next_change_at": None, "desks": []}


def test_a_roster_is_shown_now_and_next_with_its_end(run: Run) -> None:
    shift = ("--from", typed(SOON), "--for", "7h")
    saved = run("roster", "add", "saveh-1", "--desk", "markazi-saveh", *shift)
    assert saved.startswith("Saved: entry 1, saveh-1, markazi-saveh ")
    run("roster", "add", "arak-1", "--desk", "markazi-saveh", *shift, "--kind", "on_call")
    answer = json.loads(run("next", "--json"))
    assert [page["desk"] for page in answer["desks"]] == ["markazi-saveh"]
    assert datetime.fromisoformat(answer["at"]) == SOON
    assert datetime.fromisoformat(answer["next_change_at"]) == SOON + timedelta(hours=7)
    page = answer["desks"][0]
    assert (page["expected"], page["on_call"]) == (["saveh-1"], ["arak-1"])
    assert (page["has_roster"], page["warning"]) == (True, "roster_runs_out")
    after = typed(SOON + timedelta(hours=8))
    assert desk_of(run("now", "--at", after, "--json"))["warning"] == "roster_ran_out"
    assert "WARNING: the roster has run out" in run("now", "--at", after)


def test_a_gap_is_told(run: Run) -> None:
    for begins in (SOON, SOON + timedelta(hours=30)):
        words = ("--from", begins.isoformat(), "--for", "7h", "--desk", "markazi-saveh")
        run("roster", "add", "saveh-1", *words)
    between = (SOON + timedelta(hours=20)).isoformat()
    page = desk_of(run("now", "--at", between, "--json"))
    assert (page["gap"], page["expected"]) == (True, [])
    assert "GAP: nobody is on the roster" in run("now", "--at", between)


def test_closing_says_what_it_means_for_callers_and_ends_by_itself(run: Run, home: Path) -> None:
    said = run(*CLOSE, "--for", "2h")
    assert "Saved: closure 1, markazi-saveh evacuated at once until " in said
    assert "its phones ring for nobody; live calls are planned again" in said
    closure = desk_of(run("now", "--json"))["closure"]
    assert (closure["kind"], closure["reason"], closure["by"]) == ("evacuated", "آتش‌سوزی", "boss")
    until_at = datetime.fromisoformat(closure["until_at"])
    assert timedelta(hours=1, minutes=55) < until_at - datetime.now(UTC) <= timedelta(hours=2)
    assert desk_of(run("now", "--json", "--at", until_at.isoformat()))["closure"] is None
    assert decisions(home) == [("duty.close", "boss")]


def test_of_two_closures_it_is_said_which_counts(run: Run) -> None:
    run(*CLOSE, "--for", "2h")
    short = ("close", "markazi-saveh", "--kind", "short_staffed", "--reason", "بیماری")
    said = run(*short, "--until", typed(SOON + timedelta(days=2)))
    assert "its phones go on ringing" in said
    assert "Warning: markazi-saveh is closed already: closure 1, evacuated until" in said
    assert "closure 1 counts" in said
    listed = json.loads(run("closures", "--json"))
    assert [(one["id"], one["counts"]) for one in listed] == [(2, False), (1, True)]
    assert "in force; another counts" in run("closures")


def test_closing_a_desk_where_nobody_takes_calls_is_doubted(run: Run) -> None:
    close = ("close", "markazi-delijan", *CLOSE[2:], "--for", "2h")
    assert "Warning: nobody takes calls at markazi-delijan" in run(*close)
    warnings = json.loads(run(*close, "--json"))["warnings"]
    assert len(warnings) == 2
    assert "closed already: closure 1" in warnings[1]
    assert json.loads(run(*CLOSE, "--for", "2h", "--json"))["warnings"] == []


def test_who_cannot_be_rung_where_they_are_rostered_is_doubted(run: Run) -> None:
    def said(person: str, desk: str, *more: str) -> str:
        add = ("roster", "add", person, "--desk", desk, "--from", typed(SOON), "--for", "2h")
        return run(*add, *more)

    assert "Warning" not in said("saveh-1", "markazi-saveh")
    assert "arak-1 does not take calls of markazi-saveh" in said("arak-1", "markazi-saveh")
    (first, second) = json.loads(said("boss", "markazi-arak", "--json"))["warnings"]
    assert "--add-desk markazi-arak" in first
    assert "boss has no device and cannot be rung" in second
    with pytest.raises(BadInput, match="is not among the people"):
        said("nobody", "markazi-arak")


def test_reopening_a_desk_and_what_remains(run: Run, home: Path) -> None:
    run(*CLOSE, "--for", "2h")
    run(*CLOSE, "--for", "1d")
    said = run("reopen", "2")
    assert "closure 2 of markazi-saveh (evacuated) is ended" in said
    assert "still closed: closure 1" in said
    assert "answers again as the rules say" in run("reopen", "markazi-saveh")
    assert "No desk is closed" in run("closures")
    listed = json.loads(run("closures", "--all", "--json"))
    assert [(one["id"], one["ended_by"], one["counts"]) for one in listed] == [
        (2, "boss", False),
        (1, "boss", False),
    ]
    assert "reopened" in run("closures", "--all")
    assert [action for action, _ in decisions(home)] == [*["duty.close"] * 2, *["duty.reopen"] * 2]


def test_a_closure_that_is_to_come_takes_nothing_away_yet(run: Run) -> None:
    run(*CLOSE, "--from", typed(SOON), "--for", "2h")
    assert desk_of(run("now", "--json"))["closure"] is None
    assert "to come" in run("closures")
    assert desk_of(run("next", "--json"))["closure"]["id"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*CLOSE,), "name the end"),
        ((*CLOSE, "--for", "2h", "--until", "1405-09-01"), "name the end"),
        ((*CLOSE, "--until", "1404-09-01"), "lies in the past"),
        ((*CLOSE, "--for", "31d"), "30 days at most"),
        ((*CLOSE, "--until", "tomorrow"), "is no day and time"),
        (("close", "saveh", *CLOSE[2:], "--for", "2h"), "Did you mean markazi-saveh"),
        (("close", "markazi-sawe", *CLOSE[2:], "--for", "2h"), "Did you mean markazi-saveh"),
        ((*CLOSE[:-1], "  ", "--for", "2h"), "write why"),
        (("reopen", "7"), "no closure 7"),
        (("reopen", "markazi-saveh"), "no closure in force"),
        (("now", "--province", "markasi"), "Did you mean markazi"),
        (("roster", "take-out", "7"), "no entry 7"),
        (("roster", "copy", "--from", "1405/36", "--to", "1405/37"), "in one way"),
        (("roster", "swap", "1"), "in one way"),
        (("roster", "show", "--desk", "markazi-saveh", "--week", "1405/77"), "1405 has weeks 1"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(
    run: Run, home: Path, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        run(*words)
    assert decisions(home) == []


def test_only_who_may_decides(run: Run, home: Path) -> None:
    with pytest.raises(NotAllowed):
        run(*CLOSE, "--for", "2h", "--as", "saveh-1")
    with pytest.raises(NotAllowed):
        run("close", "ilam", *CLOSE[2:], "--for", "2h")
    run(*CLOSE, "--for", "2h", "--as", "saveh-boss")
    with pytest.raises(NotAllowed):
        run("close", "markazi-arak", *CLOSE[2:], "--for", "2h", "--as", "saveh-boss")
    assert decisions(home) == [("duty.close", "saveh-boss")]


def _next_week() -> JalaliWeek:
    return week_at(NOW + timedelta(days=7))


def _file(folder: Path, name: str, desk: str, days: dict[str, dict[str, list[str]]]) -> str:
    path = folder / name
    lines = [f"desk: {desk}", f"week: {_next_week()}", "shifts:"]
    for day, shifts in days.items():
        lines.append(f"  {day}:")
        lines += [f'    "{hours}": [{", ".join(who)}]' for hours, who in shifts.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


def test_a_week_is_imported_shown_copied_and_swapped(run: Run, home: Path, tmp_path: Path) -> None:
    days = {day: {"07:00-14:00": ["saveh-1"], "22:00-07:00": ["saveh-2"]} for day in WEEKDAYS}
    run("roster", "import", _file(tmp_path, "saveh.yaml", "markazi-saveh", days))
    week = _next_week()
    show = ("roster", "show", "--desk", "markazi-saveh", "--week", str(week))
    shown = run(*show)
    assert f"week {week}, from Saturday {plain_day(week.first_day)}" in shown
    assert "22:00-07:00" in shown
    assert "نمونهٔ saveh-2" in shown
    assert "Nobody is on the roster: " in shown
    data = json.loads(
        run("roster", "show", "--desk", "markazi-saveh", "--week", str(week), "--json")
    )
    assert len(data["entries"]) == 14
    assert data["first_day"] == week.first_day.isoformat()
    assert len(data["gaps"]) == 7
    later = str(week_at(NOW + timedelta(days=14)))
    copy = ("roster", "copy", "--from", str(week), "--to", later)
    copied = json.loads(run(*copy, "--desk", "markazi-saveh", "--json"))
    assert len(copied["added"]) == 14
    with pytest.raises(BadInput, match="already has entries"):
        run(*copy, "--province", "markazi")
    assert "Nothing to do" in run(*copy, "--province", "markazi", "--add")
    swapped = run("roster", "swap", "1", "--with", "2")
    assert "Taken out: entry 1, saveh-1" in swapped
    assert "Warning: " in swapped
    assert ", arak-1, markazi-saveh" in run("roster", "swap", "3", "--give-to", "arak-1")
    assert "Taken out: entry 5" in run("roster", "take-out", "5")
    assert [action for action, _ in decisions(home)] == [
        "duty.roster.add",
        "duty.roster.copy",
        "duty.roster.swap",
        "duty.roster.swap",
        "duty.roster.take_out",
    ]


def test_nothing_is_imported_where_one_line_of_one_file_is_wrong(
    run: Run, home: Path, tmp_path: Path
) -> None:
    good = _file(tmp_path, "arak.yaml", "markazi-arak", {"friday": {"07:00-14:00": ["arak-1"]}})
    wrong = {"monday": {"07:00-14:00": ["saveh-9"], "7-14": ["left-1"]}}
    bad = _file(tmp_path, "saveh.yaml", "markazi-saveh", wrong)
    with pytest.raises(BadInput) as caught:
        run("roster", "import", good, bad)
    said = str(caught.value)
    assert f"{bad}:5: shifts.monday.07:00-14:00[1]: saveh-9 is not among the people" in said
    assert f"{bad}:6: shifts.monday.7-14: " in said
    assert "left-1 is disabled" in said
    assert decisions(home) == []


def test_who_is_elsewhere_already_is_named_with_the_line_of_the_file(
    run: Run, home: Path, tmp_path: Path
) -> None:
    days = {"friday": {"07:00-14:00": ["arak-1"]}}
    run("roster", "import", _file(tmp_path, "arak.yaml", "markazi-arak", days))
    bad = _file(tmp_path, "saveh.yaml", "markazi-saveh", {"friday": {"13:00-20:00": ["arak-1"]}})
    with pytest.raises(BadInput, match=r"saveh\.yaml:5: .* arak-1 would be on duty twice at once"):
        run("roster", "import", bad)
    assert len(decisions(home)) == 1


def test_the_help_shows_the_form_of_a_file(run: Run) -> None:
    assert '"07:00-14:00": [saveh-1, saveh-2]' in run("roster", "import", "--help")


def test_the_machines_owner_evacuates_without_a_password(run: Run, home: Path) -> None:
    reason = ("--kind", "evacuated", "--reason", "زلزله", "--for", "2h")
    run("close", "markazi-saveh", *reason, "--as", "local")
    ((action, by),) = decisions(home)
    assert (action, by.partition(":")[0]) == ("duty.close", "local")
