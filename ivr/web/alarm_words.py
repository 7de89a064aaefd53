"""Alarms as sentences for a supervisor: what is so, and what it means or asks for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from ivr.calendar import clock, jalali_date
from ivr.model import CounsellorId, DeskId, ProvinceId
from ivr.notices import Alarm, AlarmCode

SENTENCES: Mapping[AlarmCode, str] = {
    AlarmCode.LOST_IN_DANGER: "تماسی با خطر جانی پیش از روشن شدن محل قطع شد (تماس {call}).",
    AlarmCode.HANDSET_OFF_HOOK: "گوشی تماس‌گیرنده پس از گفت‌وگو باز مانده است (تماس {call}).",
    AlarmCode.NOT_ANSWERING: "{counsellor} چند بار پیاپی به زنگ پاسخ نداده است.",
    AlarmCode.NEEDS_BREAK: "{counsellor} مدتی طولانی بدون استراحت کار کرده است.",
    AlarmCode.ABSENT: "{counsellor} اکنون در {desk} نوبت دارد، ولی حاضر نیست.",
    AlarmCode.DESK_EMPTY: "در {desk} هیچ کارشناسی حاضر نیست؛ تماس‌ها بی‌درنگ به گام بعد می‌روند.",
    AlarmCode.NOBODY_ROSTERED: "برای {desk} اکنون کسی در برنامهٔ نوبت نیست.",
    AlarmCode.ROSTER_RUNS_OUT: "برنامهٔ نوبت {desk} {due} تمام می‌شود؛ ادامهٔ آن لازم است.",
    AlarmCode.ROSTER_RAN_OUT: (
        "برنامهٔ نوبت {desk} تمام شده است؛ تا برنامهٔ تازه، همهٔ کارشناسان آن در نوبت شمرده می‌شوند."
    ),
    AlarmCode.CALENDAR_RUNS_OUT: (
        "تقویم تعطیلات استان {province} تا پایان {last_day} نوشته شده است؛ ادامهٔ آن لازم است."
    ),
    AlarmCode.CALENDAR_RAN_OUT: (
        "تقویم تعطیلات استان {province} تمام شده است؛ روزهای تعطیل دیگر شناخته نمی‌شوند."
    ),
    AlarmCode.NOT_REVIEWED: (
        "قواعد استان {province} را یک نفر به‌تنهایی منتشر کرده و کسی هنوز بازبینی نکرده است."
    ),
    AlarmCode.GLASS_BROKEN: (
        "{counsellor} در شرایط اضطراری دسترسی مدیر گرفته است، تا {due}؛ اگر لازم نیست، پس بگیرید."
    ),
    AlarmCode.ACCOUNT_NOT_REVIEWED: (
        "{counsellor} در شرایط اضطراری دسترسی مدیر گرفته بود و کسی هنوز آن را بازبینی نکرده است."
    ),
    AlarmCode.DECISIONS_UNREACHABLE: (
        "تصمیم‌های تازه به خط نمی‌رسد، چون پایگاه داده در دسترس نیست؛ آخرین تصمیم‌ها برقرار است."
    ),
    AlarmCode.KEPT_COPY: (
        "خط بدون پایگاه داده آغاز به کار کرده و با آخرین نسخهٔ نگه‌داشتهٔ قواعد کار می‌کند."
    ),
}


class Places(Protocol):
    def province(self, province: ProvinceId) -> str: ...
    def desk(self, desk: DeskId) -> str: ...


def alarm_text(alarm: Alarm, places: Places, names: Mapping[CounsellorId, str]) -> str:
    """The sentence; an id without a name stands for itself."""
    subject = alarm.subject
    due_at = alarm.due_at or alarm.since_at
    return SENTENCES[alarm.code].format(
        call=subject,
        counsellor=names.get(CounsellorId(subject), subject),
        desk=places.desk(alarm.desk or DeskId(subject)),
        province=places.province(ProvinceId(subject)),
        due=f"{jalali_date(due_at)} ساعت {clock(due_at)}",
        last_day=jalali_date(due_at - timedelta(microseconds=1)),
    )
