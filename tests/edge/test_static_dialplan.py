"""The dialplan that must keep a caller with nobody of ours alive."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ivr.dialplan.static import CDR_VARIABLES, render_dialplan
from ivr.dialplan.static_lines import (
    Stage,
    StaticLine,
    StaticMember,
    StaticQueue,
    check_device_user,
)
from ivr.errors import UnsafeValue


def queue(name: str, *members: StaticMember) -> Stage:
    return Stage((StaticQueue(name, members),))


ARAK = StaticMember("arak-1")
MARKAZI = StaticLine("markazi", ("086123", "123"), (queue("fallback-markazi", ARAK),))
ILAM = StaticLine("ilam", ("084123",))


def dialplan(*lines: StaticLine, default_province: str = "markazi") -> str:
    return render_dialplan(
        lines, default_province=default_province, agi_host="127.0.0.1", agi_port=4573
    )


def steps(text: str, context: str, extension: str = "s") -> list[str]:
    """The applications of one extension, labels as `label: application`."""
    section = text.partition(f"[{context}]\n")[2].partition("\n[")[0]
    found: list[str] = []
    inside = False
    for row in section.splitlines():
        if row.startswith("exten => "):
            inside = row.startswith(f"exten => {extension},1,")
        if inside and (match := re.match(r"(?:exten => .+?,1| same => n(?:\((\w+)\))?),(.*)", row)):
            found.append(f"{match[1]}: {match[2]}" if match[1] else match[2])
    return found


def labels(line: list[str]) -> set[str]:
    return {step.split(": ")[0] for step in line if re.match(r"\w+: ", step)}


def test_every_called_number_leads_to_its_line() -> None:
    text = dialplan(MARKAZI, ILAM)
    for number, province in (("086123", "markazi"), ("123", "markazi"), ("084123", "ilam")):
        assert steps(text, "trunk", number) == [
            f"Set(IVR_PROVINCE={province})",
            f"Set(IVR_LINE={number})",
            "Goto(line,s,1)",
        ]


def test_an_unknown_number_leads_to_the_default_province() -> None:
    text = dialplan(ILAM, MARKAZI)
    assert steps(text, "trunk", "_!") == ["Goto(other,s,1)"]
    assert steps(text, "other")[:2] == ["Set(IVR_PROVINCE=markazi)", "Set(IVR_LINE=123)"]
    assert "Set(IVR_LINE=084123)" in steps(dialplan(ILAM, default_province="ilam"), "other")


def test_the_callers_number_is_hidden_before_anything_is_asked() -> None:
    line = steps(dialplan(MARKAZI), "line")
    hidden = line.index("Set(CALLERID(pres)=prohib)")
    assert line.index("Set(IVR_PRES=${CALLERID(num-pres)})") < hidden
    assert hidden < next(index for index, step in enumerate(line) if "AGI(" in step)


def test_the_circle_has_no_end_but_the_callers_hang_up() -> None:
    line = steps(dialplan(MARKAZI), "line")
    assert not [step for step in line if "Hangup" in step]
    assert line[-1] == "Goto(ask)"  # nobody falls through to the end, which is a hang-up


def test_whom_the_closing_sentence_leaves_silent_keep_the_line() -> None:
    line = steps(dialplan(MARKAZI), "line")
    after_closing = line.index("Read(IVR_KEY,ivr/closing,1,,1,5)") + 1
    assert line[after_closing : after_closing + 4] == [
        'GotoIf($["${IVR_KEY}" != ""]?back)',
        "Set(IVR_PHASE=left_open)",
        "Set(IVR_OFFER=)",
        "Goto(ask)",
    ]


def test_a_line_left_open_is_quiet_for_a_round_and_any_key_leads_back() -> None:
    line = steps(dialplan(MARKAZI), "line")
    assert 'GotoIf($["${IVR_PHASE}" = "left_open"]?quiet)' in line
    quiet = line.index("quiet: Set(IVR_KEY=)") + 1
    assert line[quiet : quiet + 3] == [
        "Read(IVR_KEY,,1,,1,15)",
        'GotoIf($["${IVR_KEY}" != ""]?back)',
        "closing: Set(IVR_KEY=)",
    ]


def test_nobody_hears_the_closing_sentence_who_has_talked_to_nobody() -> None:
    """Killed on the way into the room: the phase says talk, but no counsellor has left it."""
    line = steps(dialplan(MARKAZI), "line")
    on_the_way = '"${IVR_OFFER}" != "" & "${CONFBRIDGE_RESULT}" != "ENDMARKED"'
    check = line.index(f"ExecIf($[{on_the_way}]?Set(IVR_PHASE=fallback))")
    assert check < line.index('GotoIf($["${IVR_PHASE}" = "talk"]?closing)')


def test_agistatus_is_not_trusted() -> None:
    assert "AGISTATUS" not in dialplan(MARKAZI)


def test_the_fallback_lasts_15_s_and_asks_again_whatever_came_of_it() -> None:
    line = steps(dialplan(MARKAZI), "line")
    queue = line.index("Queue(${IVR_QUEUE},c,,,15,,fallback-talk)")
    assert line[queue - 1] == "Set(QUEUESTATUS=)"  # that of an earlier round tells nothing
    assert line[queue + 1 : queue + 9] == [
        'GotoIf($["${QUEUESTATUS}" = "TIMEOUT"]?ask)',
        'GotoIf($["${QUEUESTATUS}" = "CONTINUE"]?talked)',
        "MusicOnHold(ivr,5)",
        "Goto(ask)",
        'talked: GotoIf($["${IVR_DECLINED}" = "1"]?ask)',
        "Set(IVR_PHASE=talk)",
        "Set(IVR_OFFER=)",
        "Goto(ask)",
    ]


def test_the_queue_is_the_countys_and_in_doubt_the_provinces() -> None:
    line = steps(dialplan(MARKAZI), "line")
    chosen = line.index("Set(IVR_QUEUE=${IVR_QUEUES}${IVR_COUNTY})")
    queue = line.index("Queue(${IVR_QUEUE},c,,,15,,fallback-talk)")
    missing = "ExecIf($[0${QUEUE_EXISTS(${IVR_QUEUE})} = 0]?"
    assert [step for step in line[chosen:queue] if "Set(IVR_QUEUE" in step] == [
        "Set(IVR_QUEUE=${IVR_QUEUES}${IVR_COUNTY})",
        'ExecIf($["${IVR_LANE}" = "danger"]?Set(IVR_QUEUE=${IVR_QUEUES}danger-${IVR_PROVINCE}))',
        f"{missing}Set(IVR_QUEUE=${{IVR_QUEUES}}${{IVR_PROVINCE}}))",
        f"{missing}Set(IVR_QUEUE=fallback-${{IVR_PROVINCE}}))",
    ]


def test_without_a_closure_no_queue_ends() -> None:
    assert "${EPOCH} >=" not in dialplan(MARKAZI)


def test_from_the_end_of_a_closure_other_queues_count() -> None:
    ends_at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    later = Stage((StaticQueue("fallback-1-markazi", (ARAK,)),), ends_at)
    line = replace(MARKAZI, stages=(*MARKAZI.stages, later))
    reached = '"${IVR_PROVINCE}" = "markazi" & ${EPOCH} >= 1795334400'
    step = f"ExecIf($[{reached}]?Set(IVR_QUEUES=fallback-1-))"
    rows = steps(dialplan(line, ILAM), "line")
    assert rows.index("Set(IVR_QUEUES=fallback-)") == rows.index(step) - 1


def test_each_round_opens_the_next_circle() -> None:
    line = steps(dialplan(MARKAZI), "line")
    raised = line.index("Set(QUEUE_RAISE_PENALTY=$[TRUNC(${IVR_WAITED} / 15)])")
    assert line.index("Set(IVR_WAITED=$[${EPOCH} - ${CUT(IVR_JOINED_AT,.,1)}])") < raised


def test_pauses_of_a_dead_controller_end_after_rounds_in_a_row() -> None:
    text = dialplan(MARKAZI)
    line = steps(text, "line")
    count = line.index("Set(IVR_ROUNDS=$[0${IVR_ROUNDS} + 1])")
    assert line[count - 1].endswith('ExecIf($["${IVR_PHASE}" != "fallback"]?Set(IVR_ROUNDS=0))')
    assert count < line.index("GosubIf($[${IVR_ROUNDS} = 4]?fallback-wake,s,1)")
    assert "UnpauseQueueMember(,${SHIFT(IVR_MEMBERS)})" in steps(text, "fallback-wake")


def test_a_telephone_is_rung_through_an_extension_of_its_own_and_has_to_accept() -> None:
    mobile = StaticMember("arak-mobile", 1, "PJSIP/09181112222@line123-trunk")
    text = dialplan(replace(MARKAZI, stages=(queue("fallback-markazi", ARAK, mobile),)))
    assert steps(text, "fallback-telephone", "arak-mobile") == [
        "Set(CDR_PROP(disable)=1)",
        "Dial(PJSIP/09181112222@line123-trunk,15)",
        "Hangup()",
    ]
    talk = steps(text, "fallback-talk")
    assert talk[0] == 'GotoIf($["${CHANNEL(name):0:5}" != "Local"]?talk)'
    assert talk[-3:] == [
        "Hangup()",
        "talk: Set(MASTER_CHANNEL(CDR(ivr_connected_at))=${EPOCH})",
        "Return()",
    ]


@pytest.mark.parametrize("devices", [("a-b", "ab"), ("h",), ("_X",)])
def test_a_telephone_that_would_be_a_special_extension_is_refused(devices: tuple[str]) -> None:
    members = [StaticMember(device, 0, "PJSIP/0918111@line123-trunk") for device in devices]
    with pytest.raises(UnsafeValue) as caught:
        dialplan(StaticLine("markazi", ("123",), (queue("q", *members),)))
    assert "0918111" not in str(caught.value)


def test_the_place_in_line_is_set_once() -> None:
    line = steps(dialplan(MARKAZI), "line")
    assert 'ExecIf($["${IVR_JOINED_AT}" = ""]?Set(IVR_JOINED_AT=${EPOCH}))' in line
    again = [index for index, step in enumerate(line) if step == "Set(IVR_JOINED_AT=${EPOCH})"]
    assert [line[index - 1] for index in again] == ["back: Set(IVR_PHASE=fallback)"]


def test_every_jump_has_a_place() -> None:
    line = steps(dialplan(MARKAZI), "line")
    targets = {
        match for step in line for match in re.findall(r"(?:\?|^(?:\w+: )?Goto\()(\w+)\)", step)
    }
    assert targets == {"ask", "back", "closing", "quiet", "talked"}
    assert targets <= labels(line)


def test_all_facts_are_handed_over_and_kept() -> None:
    line = steps(dialplan(MARKAZI), "line")
    request = next(step for step in line if step.startswith("ask: AGI("))
    assert request.startswith("ask: AGI(agi://127.0.0.1:4573/call,province=${IVR_PROVINCE},")
    for name in ("line", "arrived_at", "pres", "phase", "lane", "county", "category", "joined_at"):
        assert f",{name}=${{IVR_{name.upper()}}}" in request
    kept = {match for step in line for match in re.findall(r"CDR\(ivr_(\w+)\)", step)}
    assert kept | {"connected_at"} == set(CDR_VARIABLES)


def test_no_application_sees_the_callers_number() -> None:
    assert "CALLERID(num)" not in dialplan(MARKAZI)
    assert "CALLERID(all)" not in dialplan(MARKAZI)


IN_ROOM = "0${CONFBRIDGE_INFO(parties,${IVR_OFFER})}"


def test_the_counsellors_leg_is_ours_or_meets_the_caller_or_ends() -> None:
    assert steps(dialplan(MARKAZI), "offer") == [
        "Set(CDR_PROP(disable)=1)",
        "AGI(agi://127.0.0.1:4573/offer)",
        'GotoIf($["${IVR_TALKED}" = "1"]?done)',
        "Wait(0.3)",
        f"GotoIf($[{IN_ROOM} = 0]?done)",
        "ConfBridge(${IVR_OFFER},ivr_room,ivr_counsellor)",
        "done: Hangup()",
    ]


@pytest.mark.parametrize("context", ["line", "offer"])
def test_a_hang_up_leaves_nobody_alone_in_the_room(context: str) -> None:
    assert steps(dialplan(MARKAZI), context, "h") == [
        'GotoIf($["${IVR_OFFER}" = ""]?gone)',
        f"GotoIf($[{IN_ROOM} = 0]?gone)",
        "ConfKick(${IVR_OFFER},all)",
        "gone: NoOp()",
    ]


def test_a_counsellors_phone_may_dial_the_echo_and_the_feature_codes() -> None:
    section = dialplan(MARKAZI).split("[desk]\n")[1].partition("\n[")[0]
    wanted = r"exten => (.+?),1,Set\(IVR_WISH=(\w+)\)\n same => n,Set\(IVR_REASON=(\w+)\)"
    dialled = {number: (wish, why) for number, wish, why in re.findall(wanted, section)}
    reasons = ("break", "meal", "training", "administration", "other")
    with_reasons = {
        f"{number}{key}": (wish, reason)
        for number, wish in (("*2", "pause"), ("*4", "pause_after_call"))
        for key, reason in (("", "break"), *zip("12345", reasons, strict=True))
    }
    assert dialled == with_reasons | {
        "*1": ("sign_in", "break"),
        "111": ("sign_in", "break"),
        "*3": ("resume", "break"),
        "*5": ("ask_for_break", "break"),
        "*6": ("extend_wrap_up", "break"),
        "*7": ("end_wrap_up", "break"),
        "*0": ("sign_out", "break"),
    }
    assert set(re.findall(r"exten => (.+?),", section)) == {"600", *dialled}
    for number in dialled:
        assert steps(dialplan(MARKAZI), "desk", number)[-1] == "Goto(desk-wish,s,1)"


def test_a_desk_phone_is_told_if_nobody_of_ours_listens() -> None:
    assert steps(dialplan(MARKAZI), "desk-wish") == [
        "Set(CDR_PROP(disable)=1)",
        "Answer()",
        "Wait(0.5)",
        "AGI(agi://127.0.0.1:4573/desk,wish=${IVR_WISH},reason=${IVR_REASON},device=${CHANNEL(endpoint)})",
        'ExecIf($["${IVR_DONE}" != "1"]?Playback(ivr/desk-try-again))',
        "Hangup()",
    ]


@pytest.mark.parametrize(
    "line",
    [
        StaticLine("mar\nkazi", ("086123",)),
        StaticLine("markazi", ("086123,1,System(x)",)),
        StaticLine("markazi", ("_X.",)),
        StaticLine("markazi", ("۱۲۳",)),
        StaticLine("markazi", ("086123",), (queue("q", StaticMember("a;b")),)),
        StaticLine("markazi", ("086123",), (queue("q", StaticMember("${EVIL}x")),)),
        StaticLine("markazi", ("086123",), (queue("q]\n[r", ARAK),)),
        StaticLine("markazi", ("086123",), (queue("q", StaticMember("a", 0, "Local/x@trunk")),)),
    ],
)
def test_unsafe_ids_are_refused(line: StaticLine) -> None:
    with pytest.raises(UnsafeValue):
        dialplan(line)


def test_a_device_that_could_be_a_callers_number_is_refused() -> None:
    check_device_user("arak-1")
    with pytest.raises(UnsafeValue, match="at least one letter"):
        check_device_user("09181234567")


def test_a_number_served_twice_is_refused() -> None:
    with pytest.raises(UnsafeValue, match="086123 is listed twice"):
        dialplan(MARKAZI, StaticLine("ilam", ("086123",), ()))


def test_a_default_province_without_a_line_is_refused() -> None:
    with pytest.raises(UnsafeValue, match="IVR_DEFAULT_PROVINCE"):
        dialplan(MARKAZI, default_province="qazvin")
