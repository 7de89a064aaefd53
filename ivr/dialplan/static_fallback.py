"""The part of the static dialplan that puts a caller into one of Asterisk's own queues.

A queue keeps the order of a plan by penalties, but a phone that rings in vain is no less available
to app_queue and would be rung again and again before anybody of the next circle. So each round
of waiting lifts the lowest penalty by one: circles add up, as the steps of a plan do.
"""

from collections.abc import Iterator, Sequence

from ivr.dialplan.static_lines import StaticLine, fallback_queue, stage_prefix
from ivr.model import Lane

# QUEUE_PRIO: whoever has waited longer comes first although each round joins the queue anew;
# danger and silence (design §2, promises 1 and 2) come before any wait that a day can hold.
DANGER_PRIORITY = 1_000_000
SILENCE_PRIORITY = 500_000

# Rounds in a row without us, after which those whom we had paused are rung too: for nobody is
# left to end their pause.
WAKE_AFTER = 4
RING_S = 15  # queues.conf has the same
ACCEPT_PROMPT = "press-1-to-accept"
ACCEPT_KEY = "1"
ACCEPT_WAIT_S = 5

_PROVINCE = "${IVR_PROVINCE}"
_MISSING = "$[0${QUEUE_EXISTS(${IVR_QUEUE})} = 0]"


def wait_in_queue(lines: Sequence[StaticLine], round_s: int) -> list[str]:
    """From the choice of the queue until `Queue` has returned; QUEUESTATUS says how."""
    lane = (
        f'$[("${{IVR_LANE}}" = "danger") * {DANGER_PRIORITY}'
        f' + ("${{IVR_LANE}}" = "silence") * {SILENCE_PRIORITY}]'
    )
    return [
        "Set(IVR_WAITED=$[${EPOCH} - ${CUT(IVR_JOINED_AT,.,1)}])",
        f"Set(QUEUE_PRIO=$[${{IVR_WAITED}} + {lane}])",
        f"Set(QUEUE_RAISE_PENALTY=$[TRUNC(${{IVR_WAITED}} / {round_s})])",
        *_choose_queue(lines),
        f"GosubIf($[${{IVR_ROUNDS}} = {WAKE_AFTER}]?fallback-wake,s,1)",
        "Set(IVR_DECLINED=)",
        "Set(QUEUESTATUS=)",
        f"Queue(${{IVR_QUEUE}},c,,,{round_s},,fallback-talk)",
    ]


def _choose_queue(lines: Sequence[StaticLine]) -> list[str]:
    """The county's queue; the province's where there is none, because the plan is the same."""
    silence = fallback_queue("", Lane.SILENCE).removeprefix(stage_prefix(0))
    danger = fallback_queue(_PROVINCE, Lane.DANGER).removeprefix(stage_prefix(0))
    return [
        f"Set(IVR_QUEUES={stage_prefix(0)})",
        *_later_stages(lines),
        f'ExecIf($["${{IVR_LANE}}" = "silence"]?Set(IVR_QUEUES=${{IVR_QUEUES}}{silence}))',
        "Set(IVR_QUEUE=${IVR_QUEUES}${IVR_COUNTY})",
        f'ExecIf($["${{IVR_LANE}}" = "danger"]?Set(IVR_QUEUE=${{IVR_QUEUES}}{danger}))',
        f"ExecIf({_MISSING}?Set(IVR_QUEUE=${{IVR_QUEUES}}{_PROVINCE}))",
        # The files may be of different ages while one of them is being read anew.
        f"ExecIf({_MISSING}?Set(IVR_QUEUE={fallback_queue(_PROVINCE)}))",
    ]


def _later_stages(lines: Sequence[StaticLine]) -> Iterator[str]:
    for line in lines:
        for number, stage in enumerate(line.stages[1:], start=1):
            if stage.from_at is not None:
                reached = f"${{EPOCH}} >= {stage.from_at.timestamp():.0f}"
                yield (
                    f'ExecIf($["{_PROVINCE}" = "{line.province}" & {reached}]'
                    f"?Set(IVR_QUEUES={stage_prefix(number)}))"
                )


def wake() -> list[str | tuple[str, str]]:
    """Lets everybody of a queue be rung whom a controller, dead since, had paused."""
    return [
        "Set(IVR_MEMBERS=${QUEUE_MEMBER_LIST(${IVR_QUEUE})})",
        ("next", 'GotoIf($["${IVR_MEMBERS}" = ""]?woken)'),
        "UnpauseQueueMember(,${SHIFT(IVR_MEMBERS)})",
        "Goto(next)",
        ("woken", "Return()"),
    ]


def talk() -> list[str | tuple[str, str]]:
    """On the counsellor's leg just before both talk: only here is that moment known.

    A telephone may be answered by a voicemail: there, key 1 has to accept. Before it was picked up
    there is no time for that, because Asterisk counts it as ringing.
    """
    return [
        'GotoIf($["${CHANNEL(name):0:5}" != "Local"]?talk)',
        f"Read(IVR_KEY,ivr/{ACCEPT_PROMPT},1,,1,{ACCEPT_WAIT_S})",
        f'GotoIf($["${{IVR_KEY}}" = "{ACCEPT_KEY}"]?talk)',
        "Set(MASTER_CHANNEL(IVR_DECLINED)=1)",
        "Hangup()",
        ("talk", "Set(MASTER_CHANNEL(CDR(ivr_connected_at))=${EPOCH})"),
        "Return()",
    ]


def telephones(lines: Sequence[StaticLine]) -> Iterator[list[str]]:
    """For each telephone its extension and what rings it: a state of its own, busy while it talks.

    Of a number on the trunk Asterisk knows no state; app_queue would ring it once and never again.
    """
    dialled = {
        member.device: member.interface
        for line in lines
        for queue in line.queues
        for member in queue.members
        if member.interface
    }
    for device, interface in dialled.items():
        ring = f"Dial({interface},{RING_S})"
        yield [device, "Set(CDR_PROP(disable)=1)", ring, "Hangup()"]
