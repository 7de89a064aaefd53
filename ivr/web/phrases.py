"""What the rows of the floor say of themselves in Persian, one short phrase for each fact."""

from collections.abc import Iterator, Mapping, Sequence

from ivr.calendar import clock, clock_with_seconds, persian_digits
from ivr.expected_wait import Withheld
from ivr.model import CallId, CounsellorId, CounsellorState, DeviceKind, Precedence, Protection
from ivr.view import CounsellorView, DeskView, FloorView, Said, TalkView, WaitingCall
from ivr.web import words

# Why a caller heard no expected wait (`ivr.expected_wait.Withheld`).
WITHHELD = {
    Withheld.URGENT: "در خطر و سکوت عددی گفته نمی‌شود",
    Withheld.CAME_BACK: "از صف پشتیبان برگشته است",
    Withheld.LINE_NOT_WHOLE: "هنوز کسانی در صف پشتیبان هستند",
    Withheld.NOBODY_ON_DUTY: "کسی در نوبت کاری نیست",
    Withheld.TOO_FAR: "تماس‌های جلوتر زیاد است",
    Withheld.TOO_FEW_TALKS: "گفت‌وگوهای اخیر برای برآورد کم است",
    Withheld.TOO_UNCERTAIN: "برآورد نامطمئن است",
    Withheld.TOO_LONG: "بیش از ۱۰ دقیقه است",
    Withheld.EXCHANGE_DOWN: "ارتباط با مرکز تلفن قطع است",
}
DEVICE_KINDS = {
    DeviceKind.SIP: "تلفن میز",
    DeviceKind.BROWSER: "مرورگر",
    DeviceKind.TELEPHONE: "تلفن بیرونی",
}
BROKEN_OFF = "گفت‌وگوی پیشین با قطع تلفن کارشناس بریده است"
LEFT_OPEN = "گوشی پس از گفت‌وگو باز مانده است؛ پس از همه"
PICKED_UP = "گوشی را برداشته است"
BACK = "بازگشت به همان کارشناس"
SAID_NOTHING_YET = "هنوز چیزی گفته نشده است"
SIGNED_OUT = "اعلام خروج کرده است"

_AHEAD = "جلوتر از نوبت {place}: {why}"
_AHEAD_OF_OTHERS = "جلوتر از نوبت: {why}"
_BEHIND = "پس از نوبت {place}، که دیرتر آمده است: {why}"
_THIS_LEFT_OPEN = "گوشی این تماس باز مانده است"

Places = Mapping[CallId, int]


def places_of(view: FloorView) -> Places:
    """Of each call in line, from 1."""
    return {call.call: place for place, call in enumerate(view.waiting, start=1)}


def order_of(call: WaitingCall | TalkView, places: Places) -> list[str]:
    """Whom it went or goes before, and who goes before it, though joined later."""
    found = []
    if call.precedence is not None:
        why, place = words.PRECEDENCES[call.precedence], places.get(call.ahead_of or CallId(""))
        phrase = _AHEAD_OF_OTHERS if place is None else _AHEAD
        found.append(phrase.format(place=persian_digits(place or 0), why=why))
    if isinstance(call, WaitingCall) and call.overtaken is not None:
        place = places.get(call.behind or CallId(""), 0)
        found.append(_BEHIND.format(place=persian_digits(place), why=_overtaken(call.overtaken)))
    return found


def _overtaken(why: Precedence) -> str:
    return _THIS_LEFT_OPEN if why is Precedence.LEFT_OPEN else words.PRECEDENCES[why]


def said(what: Said) -> str:
    """What the caller was told of place and wait, or why they were told none."""
    found = []
    if what.place is not None:
        found.append(f"نوبت {persian_digits(what.place)}")
    if what.until_at is not None:
        found.append(f"تا ساعت {clock(what.until_at)}")
    if what.longer:
        found.append("بیش از آنچه گفته شده بود")
    parts = [f"به او گفته شد: {'، '.join(found)}"] if found else []
    if what.withheld is not None and what.until_at is None:
        parts.append(f"زمان گفته نشد: {WITHHELD[what.withheld]}")
    return "؛ ".join(parts) or SAID_NOTHING_YET


def expected(desk: DeskView) -> str:
    """What the desk's newest ordinary caller would be told; empty where there is nothing to say."""
    if desk.withheld is not None:
        return f"نامعلوم: {WITHHELD[desk.withheld]}"
    if desk.expected_min is None:
        return ""
    if desk.expected_min == 0:
        return "کمتر از یک دقیقه"
    return f"تا {persian_digits(desk.expected_min)} دقیقه"


def wrap_up(one: CounsellorView) -> str:
    """Until when, and how often it was lengthened."""
    if one.state is not CounsellorState.WRAP_UP or one.wrap_up_until_at is None:
        return ""
    until = f"تا {clock_with_seconds(one.wrap_up_until_at)}"
    if not one.wrap_up_lengthened:
        return until
    times = f"{persian_digits(one.wrap_up_lengthened)} بار تمدید"
    latest_at = one.wrap_up_latest_at
    latest = f"، حداکثر تا {clock_with_seconds(latest_at)}" if latest_at is not None else ""
    return f"{until}؛ {times}{latest}"


def notes(one: CounsellorView, names: Mapping[CounsellorId, str]) -> list[str]:
    """Why this counsellor is or is not chosen, besides the state."""
    return [*_protections(one), *_present_offer(one, names)]


def _protections(one: CounsellorView) -> Iterator[str]:
    since = {
        Protection.HEAVY_CALL: ("تا", one.heavy_until_at),
        Protection.NEEDS_BREAK: ("از", one.tired_since_at),
        Protection.ASKED_FOR_BREAK: ("از", one.break_asked_at),
    }
    for protection in one.protections:
        preposition, at = since[protection]
        when = f" ({preposition} ساعت {clock(at)})" if at is not None else ""
        yield words.PROTECTIONS[protection] + when
    if one.will_pause:
        reason = words.PAUSE_REASONS.get(one.will_pause, one.will_pause)
        yield words.PAUSE_AFTER_CALL.format(reason=reason)


def _present_offer(one: CounsellorView, names: Mapping[CounsellorId, str]) -> Iterator[str]:
    if not one.signed_in:
        yield SIGNED_OUT
    if one.relief:
        yield words.RELIEFS[one.relief]
    if one.sparing and one.sparing.gave_way:
        yield words.NOBODY_ELSE_FREE
    elif one.sparing:
        other, why = one.sparing.counsellor, words.PROTECTIONS[one.sparing.why]
        yield words.INSTEAD_OF.format(name=names.get(other, other), why=why)


def desks_shown(view: FloorView) -> Sequence[DeskView]:
    """Those for which somebody waits first, the longest wait before the others."""
    return sorted(view.desks, key=lambda one: (one.waiting_since_at is None, _since(one), one.desk))


def _since(desk: DeskView) -> float:
    return desk.waiting_since_at.timestamp() if desk.waiting_since_at is not None else 0.0
