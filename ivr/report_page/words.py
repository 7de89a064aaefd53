"""Persian words and numbers of a report's page."""

from datetime import date

from persiantools.jdatetime import JalaliDate

from ivr.calendar import persian_digits
from ivr.reports.definitions import Section, Unit
from ivr.reports.figures import Figure, Value

TITLES = {
    Section.CALLS: "تماس‌ها",
    Section.ENDS: "پایان تماس در خط",
    Section.ABANDONED: "چرا تماس‌های رهاشده پاسخ نگرفتند",
    Section.WHERE: "کجا پاسخ داده شد",
    Section.SERVICE: "سرعت و کیفیت پاسخ‌گویی",
    Section.OUTCOMES: "نتیجه‌ها (شمار تماس)",
    Section.PERSONS: "افراد خدمت‌گیرنده",
    Section.DISPATCHES: "اعزام تیم‌های سیار",
    Section.VISITS: "مرکزهای مداخله در بحران",
    Section.CATEGORIES: "موضوع‌ها (شمار تماس)",
    Section.COUNTIES: "شهرستان‌ها (شمار تماس)",
    Section.HOURS: "ساعت‌های شبانه‌روز (شمار تماس)",
}
HIDDEN = "پنهان"
NOTHING = "—"
_SEPARATOR, _POINT, _PERCENT = "٬", "٫", "٪"  # U+066C, U+066B, U+066A


def whole(number: float) -> str:
    """«۱۵٬۷۰۰»."""
    return persian_digits(f"{number:,.0f}").replace(",", _SEPARATOR)


def decimal(number: float) -> str:
    """«۱۲٫۵»."""
    text = persian_digits(f"{number:,.1f}")
    return text.replace(",", _SEPARATOR).replace(".", _POINT)


def value(figure: Figure, of: Value) -> str:
    """A figure's value with its unit where that is not plain from the heading."""
    if of.hidden:
        return HIDDEN
    if of.number is None:
        return NOTHING
    if figure.unit is Unit.SHARE:
        return decimal(of.number * 100) + _PERCENT
    if figure.unit is Unit.SECONDS:
        return f"{decimal(of.number)} ثانیه"
    return whole(of.number)


def change(figure: Figure) -> str:
    """«۱۲٫۵+٪» reads badly: the sign stands in words."""
    if figure.change is None:
        return NOTHING
    if not figure.change:
        return "بی‌تغییر"
    size = decimal(abs(figure.change) * 100)
    word = "بیشتر" if figure.change > 0 else "کمتر"
    unit = " واحد درصد" if figure.unit is Unit.SHARE else _PERCENT
    return f"{size}{unit} {word}"


def day(of: date) -> str:
    """«۱ فروردین ۱۴۰۰»."""
    jalali = JalaliDate(of, locale="fa")  # type: ignore[no-untyped-call]
    return persian_digits(f"{jalali.day} {jalali.strftime('%B')} {jalali.year}")


def hour(of: int) -> str:
    """The hour from HH:00 on: «ساعت ۷ تا ۸»."""
    return f"ساعت {persian_digits(of)} تا {persian_digits((of + 1) % 24)}"
