"""Alarms as sentences for a supervisor: where and what is so, what it means, and how to mend it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple, Protocol

from ivr.calendar import clock, jalali_date, persian_digits
from ivr.model import CallId, CounsellorId, CountyId, DeskId, ProvinceId
from ivr.notices import Alarm, AlarmCode
from ivr.view import FloorView


class Words(NamedTuple):
    """`what` names the place, `so` the consequence, `mend` what somebody can do."""

    what: str
    so: str
    mend: str


WORDS: Mapping[AlarmCode, Words] = {
    AlarmCode.LOST_IN_DANGER: Words(
        "تماسی با خطر جانی از {place} پیش از روشن شدن محل قطع شد (تماس {call})",
        "شاید کسی هنوز در خطر باشد.",
        "شماره را از راه قانونی پی بگیرید، کمک بفرستید و رسیدگی را ثبت کنید.",
    ),
    AlarmCode.LEFT_OPEN_IN_DANGER: Words(
        "پس از گفت‌وگو دربارهٔ خطر جانی خط تماس‌گیرنده‌ای از {place} باز مانده است (تماس {call})",
        "شاید نتواند حرف بزند یا کلیدی بزند؛ خط او قطع نمی‌شود.",
        "بی‌درنگ گوش دهید، و اگر کمک فرستاده نشده است، بفرستید.",
    ),
    AlarmCode.HANDSET_OFF_HOOK: Words(
        "گوشی تماس‌گیرنده‌ای از {place} پس از گفت‌وگو باز مانده است (تماس {call})",
        "خط او در پایان صف نگه داشته می‌شود و قطع نمی‌شود.",
        "وقتی کارشناسی آزاد است، گوش دهید که آیا کسی کمک می‌خواهد.",
    ),
    AlarmCode.NOT_ANSWERING: Words(
        "{counsellor} ({place}) چند بار پیاپی به زنگ پاسخ نداده است",
        "هر زنگ بی‌پاسخ تماس‌گیرنده‌ای را منتظر می‌گذارد.",
        "ببینید سر کار است و تلفنش زنگ می‌خورد؛ اگر نه، توقف یا خروج او را ثبت کنید.",
    ),
    AlarmCode.NEEDS_BREAK: Words(
        "{counsellor} ({place}) مدتی طولانی بدون استراحت کار کرده است",
        "تا کارشناس دیگری آزاد است، به او زنگ زده نمی‌شود.",
        "کسی را به جای او بگذارید تا استراحت کند.",
    ),
    AlarmCode.ABSENT: Words(
        "{counsellor} اکنون در {desk} نوبت دارد، ولی حاضر نیست",
        "تماس‌های این میز یک پاسخ‌گو کمتر دارند.",
        "با او تماس بگیرید یا در برنامهٔ نوبت جانشین بگذارید.",
    ),
    AlarmCode.DESK_EMPTY: Words(
        "در {desk} هیچ کارشناسی حاضر نیست",
        "تماس‌ها بی‌درنگ به گام بعد می‌روند.",
        "کسانی را که نوبت دارند فرا بخوانید، یا میز را موقتاً ببندید.",
    ),
    AlarmCode.NOBODY_ROSTERED: Words(
        "برای {desk} اکنون کسی در برنامهٔ نوبت نیست",
        "تماس‌های آن را گام‌های بعدی پاسخ می‌دهند.",
        "برای این ساعت کسی را در برنامهٔ نوبت بگذارید.",
    ),
    AlarmCode.ROSTER_RUNS_OUT: Words(
        "برنامهٔ نوبت {desk} {due} تمام می‌شود",
        "پس از آن همهٔ کارشناسان آن در نوبت شمرده می‌شوند.",
        "ادامهٔ برنامه را پیش از آن وارد کنید.",
    ),
    AlarmCode.ROSTER_RAN_OUT: Words(
        "برنامهٔ نوبت {desk} تمام شده است",
        "همهٔ کارشناسان آن در نوبت شمرده می‌شوند.",
        "برنامهٔ تازه را وارد کنید.",
    ),
    AlarmCode.CALENDAR_RUNS_OUT: Words(
        "تقویم تعطیلات استان {province} تا پایان {last_day} نوشته شده است",
        "پس از آن روزهای تعطیل شناخته نمی‌شوند.",
        "ادامهٔ تقویم را در قواعد استان بنویسید و منتشر کنید.",
    ),
    AlarmCode.CALENDAR_RAN_OUT: Words(
        "تقویم تعطیلات استان {province} تمام شده است",
        "روزهای تعطیل دیگر شناخته نمی‌شوند.",
        "ادامهٔ تقویم را در قواعد استان بنویسید و منتشر کنید.",
    ),
    AlarmCode.NOT_REVIEWED: Words(
        "قواعد استان {province} را یک نفر به‌تنهایی منتشر کرده و کسی هنوز بازبینی نکرده است",
        "لغزشی در آن شاید دیده نشده باشد.",
        "نفر دومی آن را بازبینی کند.",
    ),
    AlarmCode.DECISIONS_UNREACHABLE: Words(
        "تصمیم‌های تازه به خط نمی‌رسد، چون پایگاه داده در دسترس نیست",
        "آخرین تصمیم‌ها برقرار است.",
        "پایگاه داده را دوباره به کار بیندازید؛ خط خودش دوباره وصل می‌شود.",
    ),
    AlarmCode.DECISION_NOT_TAKEN_IN: Words(
        "تصمیم ثبت‌شدهٔ «{subject}» در خط اجرا نشد",
        "خط با آنچه پیش‌تر برقرار بود ادامه می‌دهد.",
        "علت را برطرف کنید یا تصمیم را پس بگیرید: {detail}",
    ),
    AlarmCode.KEPT_COPY: Words(
        "خط بدون پایگاه داده آغاز به کار کرده است",
        "با آخرین نسخهٔ نگه‌داشتهٔ قواعد کار می‌کند و تصمیم‌های پس از آن را نمی‌داند.",
        "پایگاه داده را دوباره به کار بیندازید؛ خط خودش دوباره وصل می‌شود.",
    ),
    AlarmCode.GLASS_BROKEN: Words(
        "{counsellor} در شرایط اضطراری تا {due} دسترسی مدیر گرفته است",
        "تا آن زمان می‌تواند قواعد و افراد را تغییر دهد.",
        "اگر دیگر لازم نیست، آن را پس بگیرید.",
    ),
    AlarmCode.ACCOUNT_NOT_REVIEWED: Words(
        "{counsellor} در شرایط اضطراری دسترسی مدیر گرفته بود",
        "کسی هنوز آنچه را در آن زمان انجام شد بازبینی نکرده است.",
        "مدیر دیگری آن را بازبینی کند.",
    ),
    AlarmCode.STAYS_END: Words(
        "مهلت {count} اقامت در {centre} رو به پایان است (نخستین: {due})",
        "اقامت در مرکز بیش از ۲۱ روز به حکم دادگاه نیاز دارد.",
        "دربارهٔ ادامهٔ کار تصمیم بگیرید و پایان اقامت را ثبت کنید.",
    ),
    AlarmCode.STAYS_OVER: Words(
        "مهلت {count} اقامت در {centre} گذشته است",
        "ماندن پس از این مهلت به حکم دادگاه نیاز دارد.",
        "پایان اقامت را ثبت کنید، یا حکم دادگاه را بگیرید.",
    ),
    AlarmCode.OUTCOMES_OWED: Words(
        "نتیجهٔ {count} تماس در {where} هنوز ثبت نشده است",
        "این تماس‌ها در گزارش‌ها بی‌نتیجه می‌مانند.",
        "فهرست آن‌ها را ببینید و از کارشناسان بخواهید نتیجه را ثبت کنند.",
    ),
    AlarmCode.FOLLOW_UPS_LATE: Words(
        "{count} پیگیری در {where} از نوبت پیش مانده است",
        "کسی منتظر است که حالش را بپرسند.",
        "آن‌ها را میان کارشناسان این نوبت تقسیم کنید.",
    ),
    AlarmCode.CALLERS_NOT_BACK: Words(
        "{count} تماس‌گیرنده که قرار بود دوباره تماس بگیرد، در {where} از نوبت پیش مانده است",
        "شاید نتواند تماس بگیرد.",
        "پیشینهٔ تماس را ببینید و تصمیم بگیرید که چه کسی سراغ او را بگیرد.",
    ),
    AlarmCode.WEBHOOK_FAILS: Words(
        "{count} پیام به سامانهٔ بیرونی شمارهٔ {subject} نرسیده است",
        "آن سامانه از نتیجه‌ها و اعزام‌های تازه بی‌خبر است.",
        "با صاحب آن سامانه تماس بگیرید، سپس پیام‌های رهاشده را دوباره بفرستید: {detail}",
    ),
    AlarmCode.RETENTION_LATE: Words(
        "پاک‌سازی داده‌های قدیمی در مهلت خود انجام نشده است",
        "داده‌هایی که باید پاک می‌شد، هنوز هست.",
        "ببینید چرا کار شبانهٔ پاک‌سازی انجام نشده است و آن را دوباره اجرا کنید.",
    ),
}


class Places(Protocol):
    def province(self, province: ProvinceId) -> str: ...
    def county(self, county: CountyId | None) -> str: ...
    def desk(self, desk: DeskId) -> str: ...
    def crisis_centre(self, centre: str) -> str: ...


class Subjects:
    """Whom and where the alarms of a view are about; an id without a name stands for itself."""

    def __init__(self, view: FloorView, places: Places) -> None:
        self._places = places
        self._names = {one.counsellor: one.name_fa for one in view.counsellors}
        self._desks = {one.counsellor: one.desks for one in view.counsellors}
        self._provinces = {one.call: one.province for one in view.lost}
        self._provinces |= {one.call: one.province for one in view.waiting}
        self._counties = {one.call: one.county for one in view.waiting}
        self._counties |= {one.call: one.county for one in view.talks}

    def name(self, subject: str) -> str:
        return self._names.get(CounsellorId(subject), subject)

    def place(self, subject: str) -> str:
        """Of a call its county or province, of a counsellor the desks."""
        call, desks = CallId(subject), self._desks.get(CounsellorId(subject), ())
        if (county := self._counties.get(call)) is not None:
            return self._places.county(county)
        if (province := self._provinces.get(call)) is not None:
            return f"استان {self._places.province(province)}"
        return "، ".join(map(self._places.desk, desks)) or "محلی نامعلوم"


def alarm_text(alarm: Alarm, places: Places, subjects: Subjects) -> Words:
    subject, due_at = alarm.subject, alarm.due_at or alarm.since_at
    known = {
        "call": subject,
        "subject": subject,
        "detail": alarm.detail,
        "counsellor": subjects.name(subject),
        "place": subjects.place(subject),
        "desk": places.desk(alarm.desk or DeskId(subject)),
        "centre": places.crisis_centre(subject),
        "province": places.province(ProvinceId(subject)),
        "where": _where(alarm, places),
        "count": persian_digits(alarm.count),
        "due": f"{jalali_date(due_at)} ساعت {clock(due_at)}",
        "last_day": jalali_date(due_at - timedelta(microseconds=1)),
    }
    return Words(*(part.format(**known) for part in WORDS[alarm.code]))


def _where(alarm: Alarm, places: Places) -> str:
    if alarm.desk is not None:
        return places.desk(alarm.desk)
    return f"استان {places.province(ProvinceId(alarm.subject))}"
