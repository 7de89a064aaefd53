"""Persian words for the states of calls, counsellors and devices, as the console shows them."""

from ivr.floor_acts import PAUSE_LABELS
from ivr.model import (
    CallEnd,
    CallPhase,
    CounsellorState,
    DeviceState,
    Lane,
    Precedence,
    Protection,
    Relief,
)
from ivr.notices import Severity

LANES = {
    Lane.DANGER: "خطر",
    Lane.SILENCE: "سکوت",
    Lane.ORDINARY: "عادی",
}

COUNSELLOR_STATES = {
    CounsellorState.OFF_DUTY: "خارج از شیفت",
    CounsellorState.AVAILABLE: "آماده",
    CounsellorState.OFFERED: "در حال زنگ",
    CounsellorState.TALKING: "در گفت‌وگو",
    CounsellorState.WRAP_UP: "ثبت نتیجه",
    CounsellorState.PAUSED: "توقف موقت",
    CounsellorState.BUSY_ELSEWHERE: "در تماسی دیگر",
}

# Why somebody who is ready is not rung for the moment (`ivr.limits.Hold`).
HOLDS = {
    "not_answered": "پاسخ نداد",
    "rejected": "رد کرد",
    "busy": "اشغال بود",
    "unreachable": "در دسترس نبود",
    "no_such_number": "شمارهٔ تلفن در شبکه نیست",
    "declined": "نپذیرفت",
    "failed": "زنگ نخورد",
    "device_lost": "تلفن قطع شد",
}
DEVICE_STATES = {
    DeviceState.UNREACHABLE: "تلفن در دسترس نیست",
    DeviceState.IDLE: "تلفن آماده است",
    DeviceState.RINGING: "تلفن زنگ می‌زند",
    DeviceState.IN_USE: "تلفن در تماس است",
}

PHASES = {
    CallPhase.MENU: "در راهنمای گویا",
    CallPhase.WAITING: "در انتظار",
    CallPhase.OFFERED: "در حال زنگ",
    CallPhase.CONNECTING: "در حال وصل شدن",
    CallPhase.TALKING: "در گفت‌وگو",
    CallPhase.CLOSING: "جملهٔ پایانی",
    CallPhase.LEFT_OPEN: "خط رهاشده",
    CallPhase.FALLBACK: "در صف پشتیبان",
    CallPhase.ENDED: "پایان‌یافته",
}

ENDS = {
    CallEnd.IN_MENU: "قطع پیش از صف",
    CallEnd.SHORT_ABANDONMENT: "قطع زودهنگام",
    CallEnd.ABANDONED: "قطع پیش از پاسخ",
    CallEnd.CONNECTED: "گفت‌وگو با کارشناس",
    CallEnd.FALLBACK_CONNECTED: "پاسخ در صف پشتیبان",
    CallEnd.FALLBACK_ABANDONED: "قطع در صف پشتیبان",
}

SEVERITIES = {
    Severity.URGENT: "فوری",
    Severity.WARNING: "هشدار",
    Severity.REMINDER: "یادآوری",
}

# Those that people give, and the pause that the floor itself makes.
PAUSE_REASONS = {str(reason): label for reason, label in PAUSE_LABELS.items()} | {
    "not_answering": "چند بار پاسخ نداد"
}

# Why somebody is spared a call as long as another is free (`ivr.model.Protection`).
PROTECTIONS = {
    Protection.HEAVY_CALL: "پس از تماسی سنگین",
    Protection.NEEDS_BREAK: "نیاز به استراحت دارد",
    Protection.ASKED_FOR_BREAK: "استراحت خواسته است",
}

# What was set aside to ring somebody (`ivr.model.Relief`).
RELIEFS = {
    Relief.WRAP_UP: "برای خطر جانی: ثبت نتیجه کوتاه شد",
    Relief.BACK_OFF: "برای خطر جانی: وقفهٔ پیشنهاد برداشته شد",
    Relief.NOBODY_ELSE: "کس دیگری آزاد نبود: وقفهٔ پیشنهاد کوتاه شد",
}
NOBODY_ELSE_FREE = "کس دیگری آزاد نبود"
INSTEAD_OF = "به‌جای {name}: {why}"
PAUSE_AFTER_CALL = "توقف پس از این تماس: {reason}"

# Why a call goes before one that joined earlier (`ivr.model.Precedence`).
PRECEDENCES = {
    Precedence.DANGER: "خطر جانی",
    Precedence.CAP: "انتظار آن به سقف رسیده است",
    Precedence.BROKEN_OFF: "گفت‌وگوی آن قطع شده است",
    Precedence.RETURNING_SILENCE: "دوباره در سکوت تماس گرفته است",
    Precedence.SILENCE: "سکوت",
    Precedence.SCORE: "فوریت و زمان انتظار",
    Precedence.LEFT_OPEN: "گوشی دیگری باز مانده است",
}

# Why a desk is closed (`ivr.duty.ClosureKind`).
CLOSURES = {
    "evacuated": "تخلیه شده است",
    "link_lost": "ارتباط آن قطع است",
    "no_staff": "کارشناسی ندارد",
    "short_staffed": "کارشناس کم دارد؛ تماس‌ها زودتر به گام بعد می‌روند",
}

NO_COUNTY = "شهرستان نامعلوم"
PROVINCIAL_DESK = "مرکز پاسخ‌گویی استان {}"
NO_CATEGORY = "موضوع نامعلوم"
