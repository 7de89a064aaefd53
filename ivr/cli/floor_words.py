"""What the floor's codes mean, in plain English for a terminal; ids stand for themselves."""

from collections.abc import Mapping
from typing import NamedTuple


class AlarmWords(NamedTuple):
    """`what` names the place, `so` the consequence, `mend` what somebody can do."""

    what: str
    so: str
    mend: str


_DATABASE = "bring the database back; the line connects again by itself"

# By `ivr.notices.AlarmCode`.
ALARMS: Mapping[str, AlarmWords] = {
    "lost_in_danger": AlarmWords(
        "a caller in danger from {place} was lost before the place was known (call {subject})",
        "somebody may still be in danger",
        "trace the number the lawful way, send help, then: ivr floor acknowledge {subject}",
    ),
    "left_open_in_danger": AlarmWords(
        "after a talk about danger the line of a caller from {place} is open (call {subject})",
        "they may be unable to speak or press a key; the line is never cut",
        "listen at once, and send help if none was sent",
    ),
    "handset_off_hook": AlarmWords(
        "a caller from {place} left the handset off after the talk (call {subject})",
        "the line is kept at the end of the queue and is never cut",
        "when somebody is free, listen whether anybody needs help",
    ),
    "not_answering": AlarmWords(
        "{subject} at {place} let several offers in a row ring in vain",
        "each of them keeps a caller waiting",
        "see whether they are there and the phone rings; if not: ivr floor pause {subject}",
    ),
    "needs_break": AlarmWords(
        "{subject} at {place} has worked for long without a rest",
        "they are not rung while somebody else is free",
        "put somebody in their place and let them rest: ivr floor grant-break {subject}",
    ),
    "absent": AlarmWords(
        "{subject} is rostered at {desk} and not there",
        "its calls have one counsellor less",
        "call them, or roster somebody else: ivr duty roster",
    ),
    "desk_empty": AlarmWords(
        "nobody is there at {desk}, though somebody is rostered",
        "its calls go on to the next step at once",
        "call in who is rostered, or close the desk for a while: ivr duty close",
    ),
    "nobody_rostered": AlarmWords(
        "nobody is rostered at {desk} now",
        "its calls are answered by the next steps",
        "roster somebody for this hour: ivr duty roster",
    ),
    "roster_runs_out": AlarmWords(
        "the roster of {desk} ends {due}",
        "from then on all of the desk count as expected",
        "bring in the next weeks before: ivr duty roster",
    ),
    "roster_ran_out": AlarmWords(
        "the roster of {desk} has ended",
        "all of the desk count as expected",
        "bring in the next weeks: ivr duty roster",
    ),
    "calendar_runs_out": AlarmWords(
        "the calendar of holidays of {subject} ends {due}",
        "from then on holidays are not known",
        "write more of it into the rules of the province and publish them: ivr rules publish",
    ),
    "calendar_ran_out": AlarmWords(
        "the calendar of holidays of {subject} has ended",
        "holidays are not known any more",
        "write more of it into the rules of the province and publish them: ivr rules publish",
    ),
    "not_reviewed": AlarmWords(
        "one person alone has published the rules of {subject}",
        "nobody else has looked at them",
        "have a second person review them: ivr rules review",
    ),
    "decisions_unreachable": AlarmWords(
        "the database of the line is away, so new decisions do not arrive",
        "the last decisions hold",
        _DATABASE,
    ),
    "kept_copy": AlarmWords(
        "the line was started while its database was away",
        "it goes by the copy it had kept and knows nothing newer",
        _DATABASE,
    ),
    "glass_broken": AlarmWords(
        "{subject} has been made admin in need until {due}",
        "until then they may change rules and people",
        "take it back if it is not needed any more: ivr people change",
    ),
    "account_not_reviewed": AlarmWords(
        "{subject} was made admin in need",
        "nobody else has looked at what they did",
        "have another admin look: ivr people review",
    ),
    "decision_not_taken_in": AlarmWords(
        "a decision ({subject}) does not fit the running line",
        "the line goes on by what was in force before",
        "remove the cause or take the decision back: {detail}",
    ),
    "stays_end": AlarmWords(
        "stays at {subject} that end soon: {count}, the first at {due}",
        "more than 21 days take a court's word",
        "decide what follows, then: ivr admission end",
    ),
    "stays_over": AlarmWords(
        "stays at {subject} that ought to have ended: {count}",
        "staying on takes a court's word",
        "say how it ended (ivr admission end), or what the court said (ivr admission prolong)",
    ),
    "outcomes_owed": AlarmWords(
        "calls of {desk} without an outcome: {count}",
        "reports count them as not recorded",
        "see which and have them recorded: ivr outcome pending",
    ),
    "follow_ups_late": AlarmWords(
        "follow-ups of {desk} left over from an earlier shift: {count}",
        "somebody waits to be asked again",
        "share them out: ivr follow-up list, ivr follow-up take, ivr follow-up done",
    ),
    "callers_not_back": AlarmWords(
        "callers expected back at {desk}, left over from an earlier shift: {count}",
        "they may be unable to call",
        "see what is known and who looks after them: ivr follow-up list, ivr follow-up take",
    ),
    "webhook_fails": AlarmWords(
        "messages that webhook {subject} has not taken: {count}",
        "that program knows nothing of new outcomes and dispatches",
        "call its owner, then: ivr webhook resend {subject} ({detail})",
    ),
    "retention_late": AlarmWords(
        "what is older than the rules allow was not erased in time",
        "data that ought to be gone is still there",
        "see why (ivr retention runs), then: ivr retention run",
    ),
}

# By `ivr.expected_wait.Withheld`.
WITHHELD: Mapping[str, str] = {
    "urgent": "in danger and silence no number is said",
    "came_back": "it came back from Asterisk's own queue",
    "line_not_whole": "callers are still in Asterisk's own queue",
    "nobody_on_duty": "nobody is on duty",
    "too_far": "too many calls are ahead",
    "too_few_talks": "too few talks lately",
    "too_uncertain": "too uncertain",
    "too_long": "more than 10 minutes",
    "exchange_down": "Asterisk is not connected",
}

# By `ivr.model.Precedence`.
PRECEDENCES: Mapping[str, str] = {
    "danger": "danger",
    "cap": "it has waited for the cap",
    "broken_off": "its talk broke off",
    "returning_silence": "silent not for the first time",
    "silence": "silence",
    "score": "urgency and waiting",
    "left_open": "the other handset was left off",
}

OVERTAKEN: Mapping[str, str] = {**PRECEDENCES, "left_open": "this handset was left off"}

# By `ivr.model.Protection`, with the field that says when.
PROTECTIONS: Mapping[str, tuple[str, str]] = {
    "heavy_call": ("spared after a heavy call until {at}", "heavy_until_at"),
    "needs_break": ("spared, without a rest too long since {at}", "tired_since_at"),
    "asked_for_break": ("asked for a break at {at}", "break_asked_at"),
}

# By `ivr.model.Relief`.
RELIEFS: Mapping[str, str] = {
    "wrap_up": "wrap-up ended for danger",
    "back_off": "back-off ended for danger",
    "nobody_else": "back-off ended, nobody else was free",
}

# By `ivr.limits.Hold`.
HOLDS: Mapping[str, str] = {
    "not_answered": "did not answer",
    "rejected": "rejected a call",
    "busy": "the phone was busy",
    "unreachable": "the phone could not be reached",
    "no_such_number": "the network does not know the number",
    "declined": "picked up and did not accept",
    "failed": "the phone could not be rung",
    "device_lost": "the phone was lost in a talk",
}

# By `ivr.duty.ClosureKind`.
CLOSURES: Mapping[str, str] = {
    "evacuated": "evacuated",
    "link_lost": "its link is lost",
    "no_staff": "no staff",
    "short_staffed": "short of staff, calls go on to the next step sooner",
}
