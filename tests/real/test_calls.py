"""Whole calls on the real Asterisk: what callers choose, who is rung, what stands in the record."""

import time

import pytest

from ivr.model.record import CallRecord
from ivr.rules.load import load_all
from ivr.settings import PROJECT
from ivr.simulator.tone import COUNSELLOR_HZ
from tests.real.exchange import MUSIC_HZ
from tests.real.product import SUPERVISOR
from tests.real.scene import OWN_S, Scene, both_hear_each_other, instant, offers

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="session")]

# The promises to those who cannot speak (design §2): a counsellor's phone is ringing by then. What
# is said and waited for until then is counted: a clock would tell how busy the machine is.
SILENCE_S = 12.0
DANGER_S = 3.0
SILENT_S = 60.0


@pytest.mark.xdist_group("a-minute-of-silence")
async def test_callers_whose_line_sends_no_audio_stay_in_talk_and_in_line(scene: Scene) -> None:
    async with (
        scene.counsellor("arak-1", answer_after_s=0) as counsellor,
        scene.caller(tone_hz=None) as talking,
    ):
        await talking.presses("0")
        await talking.hears_tone(COUNSELLOR_HZ)
        async with scene.caller(tone_hz=None) as waiting:
            began_at = await waiting.answered()
            await waiting.presses("0")
            await scene.in_line()
            await scene.until(lambda: time.monotonic() > began_at + SILENT_S, 2 * SILENT_S)
            assert scene.state("arak-1") == "talking"
            await talking.hears_tone(COUNSELLOR_HZ)
            await waiting.hears_tone(MUSIC_HZ)
            talking.hang_up()
            await waiting.hears_tone(COUNSELLOR_HZ)
            assert len(counsellor.calls) == 2
            waiting.hang_up()
    records = await scene.ended(2)
    assert [record["end"] for record in records] == ["connected", "connected"]
    assert [record["ended_by"] for record in records] == ["caller", "caller"]


async def test_an_open_county_reaches_its_own_desk(scene: Scene) -> None:
    async with scene.counsellor("saveh-1") as saveh, scene.counsellor("arak-1") as arak:
        async with scene.caller() as caller:
            await caller.presses("224")
            call = await saveh.offered()
            assert call.from_name == "ساوه"
            await call.answer()
            await both_hear_each_other(caller, call)
            call.hang_up()
            await scene.available("saveh-1")
            caller.hang_up()
        assert not arak.calls
    record = await scene.the_call()
    assert (record["county"], record["county_source"]) == ("markazi-saveh", "keypad")
    assert (record["lane"], record["category"]) == ("ordinary", "family_dispute")
    assert (record["end"], record["ended_by"]) == ("connected", "counsellor")
    assert (record["counsellor"], record["desk"]) == ("saveh-1", "markazi-saveh")
    assert offers(record) == [("saveh-1", "connected")]


async def test_the_command_line_shows_the_call_and_keeps_its_outcome(scene: Scene) -> None:
    async with scene.counsellor("arak-1", answer_after_s=0), scene.caller() as caller:
        await caller.presses("0")
        await scene.until(lambda: scene.product.floor()["talks"])
        caller.hang_up()
        record = await scene.the_call()
    await scene.product.ivr("outcome", record["call"], "phone_resolved", by=SUPERVISOR)
    shown = await scene.product.ivr("calls", "show", record["call"], "--json")
    [outcome] = shown["outcomes"]
    assert (outcome["outcome"], outcome["by"]) == ("phone_resolved", SUPERVISOR)
    assert {**shown, "outcomes": []} == record
    listed = await scene.product.records()
    assert listed[0] == shown


async def test_a_county_without_a_centre_reaches_its_supporting_county(scene: Scene) -> None:
    async with scene.counsellor("arak-1") as arak, scene.counsellor("saveh-1") as saveh:
        async with scene.caller() as caller:
            await caller.presses("2924")
            call = await saveh.offered()
            assert call.from_name == "تفرش"
            await call.answer()
            await both_hear_each_other(caller, call)
        assert not arak.calls
    record = await scene.the_call()
    assert (record["county"], record["desk"]) == ("markazi-tafresh", "markazi-saveh")
    assert record["category"] == "family_dispute"
    reasons = [reason["code"] for reason in record["plan"]["steps"][0]["reasons"]]
    assert reasons == ["opening_not_confirmed", "supporting_county"]


async def test_a_supporting_county_with_nobody_there_costs_no_time(scene: Scene) -> None:
    async with scene.counsellor("arak-1") as arak, scene.caller() as caller:
        await caller.presses("2924")
        call = await arak.offered()
        await call.answer()
        await both_hear_each_other(caller, call)
    record = await scene.the_call()
    assert await scene.rung_on_joining(record["call"]) == ["arak-1"]
    assert record["plan"]["steps"][0]["lasts_s"] == 20
    assert (record["county"], record["desk"]) == ("markazi-tafresh", "markazi-arak")


async def test_a_busy_own_desk_is_waited_for_and_then_the_province_is_rung(scene: Scene) -> None:
    async with (
        scene.counsellor("saveh-1", answer_after_s=0) as saveh,
        scene.counsellor("arak-1") as arak,
        scene.caller() as first,
    ):
        await first.presses("220")
        await scene.until(lambda: scene.state("saveh-1") == "talking")
        async with scene.caller() as second:
            await second.presses("220")
            call = await arak.offered()
            assert (await scene.in_line())[0]["step"] == 1
            await call.answer()
            await both_hear_each_other(second, call)
        assert len(saveh.calls) == 1
    record = (await scene.ended(2))[1]
    waited = instant(record["offers"][0]["offered_at"]) - instant(record["joined_at"])
    assert waited.total_seconds() >= OWN_S


async def test_who_presses_nothing_is_ringing_at_a_counsellor_within_12_s(scene: Scene) -> None:
    _has_production_times(scene)
    async with (
        scene.counsellor("arak-1") as arak,
        scene.caller(tone_hz=None) as caller,
    ):
        call = await arak.offered()
        await call.answer()
        await caller.hears_tone(COUNSELLOR_HZ)
        caller.hang_up()
    record = await scene.the_call()
    said = scene.product.watcher.commands[caller.channel]
    assert 0 < scene.lets_pass_s(said, until="silence-note") <= SILENCE_S
    assert await scene.rung_on_joining(record["call"]) == ["arak-1"]
    assert (record["lane"], record["county"], record["end"]) == ("silence", None, "connected")


def _has_production_times(scene: Scene) -> None:
    directories = (scene.product.settings.rules_dir, PROJECT / "deploy" / "provinces")
    served, real = (
        next(one for one in load_all(directory) if one.id == "markazi") for directory in directories
    )
    assert served.conversation.first_wait_s == real.conversation.first_wait_s
    assert served.conversation.key_wait_s == real.conversation.key_wait_s


async def test_silence_at_the_county_question_is_a_cry_for_help_too(scene: Scene) -> None:
    async with scene.counsellor("arak-1") as arak, scene.caller() as caller:
        await caller.presses("29")
        await arak.offered()
        caller.hang_up()
    record = await scene.the_call()
    assert (record["lane"], record["county"]) == ("silence", None)


async def test_the_danger_key_rings_a_counsellor_within_3_s(scene: Scene) -> None:
    async with scene.counsellor("khomeyn-1") as counsellor, scene.caller() as caller:
        await caller.presses("1")
        call = await counsellor.offered()
        await call.answer()
        await both_hear_each_other(caller, call)
    record = await scene.the_call()
    said = scene.product.watcher.since_key(caller.channel)
    assert scene.lets_pass_s(said, until="stay-with-us") <= DANGER_S
    assert await scene.rung_on_joining(record["call"]) == ["khomeyn-1"]
    assert (record["lane"], record["county"]) == ("danger", None)
    assert record["plan"]["all_at_once"]


async def test_danger_at_the_category_question_opens_the_province_at_once(scene: Scene) -> None:
    async with (
        scene.counsellor("saveh-1", answer_after_s=0),
        scene.counsellor("arak-1") as arak,
        scene.caller() as first,
    ):
        await first.presses("220")
        await scene.until(lambda: scene.state("saveh-1") == "talking")
        async with scene.caller() as second:
            await second.presses("221")
            await arak.offered()
    record = (await scene.ended(2))[1]
    rung = await scene.rung_on_joining(record["call"])
    assert rung == ["arak-1"], "nobody waits for the own desk in danger"
    assert (record["lane"], record["county"]) == ("danger", "markazi-saveh")


@pytest.mark.parametrize(
    ("keys", "county"), [("0", None), ("20", None), ("290", None), ("230", "markazi-khomeyn")]
)
async def test_key_0_leads_to_a_person_at_every_question(
    scene: Scene, keys: str, county: str | None
) -> None:
    async with scene.counsellor("khomeyn-1") as counsellor, scene.caller() as caller:
        await caller.presses(keys)
        await counsellor.offered()
    record = await scene.the_call()
    assert (record["county"], record["category"]) == (county, "unknown")
    assert record["lane"] == "ordinary"


@pytest.mark.parametrize(
    ("keys", "county"), [("55", None), ("2988", None), ("2388", "markazi-khomeyn")]
)
async def test_a_second_wrong_key_leads_to_a_human(
    scene: Scene, keys: str, county: str | None
) -> None:
    async with scene.counsellor("khomeyn-1") as counsellor, scene.caller() as caller:
        await caller.presses(keys)
        await counsellor.offered()
    record = await scene.the_call()
    assert (record["county"], record["category"]) == (county, "unknown")


async def test_after_one_wrong_key_the_question_is_asked_again(scene: Scene) -> None:
    async with scene.counsellor("khomeyn-1") as counsellor, scene.caller() as caller:
        await caller.presses("52*384")
        await counsellor.offered()
    record = await scene.the_call()
    assert (record["county"], record["category"]) == ("markazi-khomeyn", "family_dispute")


@pytest.mark.parametrize(
    ("dialled", "recorded"), [("123", "123"), ("086123", "086123"), ("086555", "123")]
)
async def test_every_called_number_reaches_the_line(
    scene: Scene, dialled: str, recorded: str
) -> None:
    async with scene.counsellor("arak-1") as counsellor, scene.caller(line=dialled) as caller:
        await caller.presses("0")
        await counsellor.offered()
    record = await scene.the_call()
    assert (record["province"], record["line"]) == ("markazi", recorded)


async def test_an_anonymous_caller_is_served_like_any_other(scene: Scene) -> None:
    async with (
        scene.counsellor("arak-1") as counsellor,
        scene.caller(number="anonymous") as caller,
    ):
        await caller.presses("0")
        call = await counsellor.offered()
        await call.answer()
        await both_hear_each_other(caller, call)
    await scene.the_call()
    [record] = await scene.records()
    assert record.caller is None


async def test_a_known_caller_is_kept_without_the_number(scene: Scene) -> None:
    async with scene.counsellor("arak-1") as counsellor:
        for _ in range(2):
            async with scene.caller(number="09125550000") as caller:
                await caller.presses("0")
                await counsellor.offered()
    first, second = await _records(scene)
    assert first.caller is not None
    assert second.caller is not None
    assert first.caller.pseudonym == second.caller.pseudonym
    assert "9125550000" not in repr((first, second))


async def _records(scene: Scene) -> list[CallRecord]:
    await scene.ended(2)
    return await scene.records()


async def test_the_console_shows_the_call_in_line_and_the_talk(scene: Scene) -> None:
    floor = scene.product.floor
    async with scene.caller() as caller:
        await caller.presses("2")
        await scene.until(lambda: floor()["in_menu"] == 1)
        await caller.presses("24")
        [waiting] = await scene.in_line()
        assert waiting["county"] == "markazi-saveh"
        assert (waiting["phase"], waiting["offered_to"]) == ("waiting", [])
        await caller.hears_tone(MUSIC_HZ)
        async with scene.counsellor("saveh-2") as counsellor:
            call = await counsellor.offered()
            [offered] = await scene.in_line()
            (ringing,) = offered["offered_to"]
            assert (offered["call"], ringing["counsellor"]) == (waiting["call"], "saveh-2")
            await call.answer()
            [talk] = await scene.until(lambda: floor()["talks"])
            assert (talk["call"], talk["counsellor"]) == (waiting["call"], "saveh-2")
            assert floor()["waiting"] == []
            assert scene.state("saveh-2") == "talking"
            caller.hang_up()
            await scene.until(lambda: not floor()["talks"])
    await scene.the_call()
