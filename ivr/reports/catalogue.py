"""All figures of a report in the order in which they are printed."""

from ivr.outcomes import FORM_LABELS, OUTCOME_LABELS, OutcomeId, OutsideBody, ServiceKind
from ivr.reports.catalogue_people import PEOPLE
from ivr.reports.catalogue_service import SERVICE
from ivr.reports.definitions import COUNTED, Definition, Section, Unit, by_id, family_of


def _call(
    id: str,  # noqa: A002 - the field's name
    section: Section,
    labels: tuple[str, str],
    sentences: tuple[str, str],
    part_of: str | None = None,
) -> Definition:
    return Definition(id, section, Unit.CALLS, *labels, *sentences, part_of)


_CALLS = (
    _call(
        "calls",
        Section.CALLS,
        ("Calls, all", "همهٔ تماس‌ها"),
        (
            "Calls that arrived in the period; each call once, however often it was passed on.",
            "تماس‌هایی که در این دوره رسیده‌اند؛ هر تماس یک بار شمرده می‌شود.",
        ),
    ),
    _call(
        "calls_related",
        Section.CALLS,
        ("related", "مرتبط"),
        (
            "Calls whose counting form says that they were for the service's target groups.",
            "تماس‌هایی که در فرم معتبر آن‌ها «مرتبط با گروه‌های هدف» ثبت شده است.",
        ),
        "calls",
    ),
    _call(
        "calls_unrelated",
        Section.CALLS,
        ("unrelated", "نامرتبط"),
        ("Calls recorded as none for the service.", "تماس‌هایی که نامرتبط ثبت شده‌اند."),
        "calls",
    ),
    _call(
        "calls_silent",
        Section.CALLS,
        ("silent", "بی‌صدا"),
        (
            "Calls recorded as silent to the end; not a nuisance, perhaps a cry for help.",
            "تماس‌هایی که تا پایان بی‌صدا ثبت شده‌اند؛ شاید درخواست کمک بوده‌اند، نه مزاحمت.",
        ),
        "calls",
    ),
    _call(
        "calls_prank",
        Section.CALLS,
        ("prank", "مزاحم"),
        ("Calls recorded as pranks.", "تماس‌هایی که مزاحم ثبت شده‌اند."),
        "calls",
    ),
    _call(
        "calls_test",
        Section.CALLS,
        ("test", "آزمایشی"),
        ("Calls recorded as tests of the line.", "تماس‌هایی که آزمایشی ثبت شده‌اند."),
        "calls",
    ),
    _call(
        "calls_pending",
        Section.CALLS,
        ("not recorded yet", "هنوز ثبت‌نشده"),
        (
            "Calls without any form or outcome so far, abandoned ones included.",
            "تماس‌هایی که هنوز فرم یا نتیجه‌ای ندارند، از جمله تماس‌های رهاشده.",
        ),
        "calls",
    ),
    _call(
        "calls_paper",
        Section.CALLS,
        ("of all, entered from paper", "از همه، واردشده از کاغذ"),
        (
            "Calls taken on paper during an outage and entered afterwards.",
            "تماس‌هایی که هنگام قطعی روی کاغذ ثبت و سپس وارد شده‌اند.",
        ),
    ),
    _call(
        "calls_imported",
        Section.CALLS,
        ("of all, imported", "از همه، واردشده از سوابق پیشین"),
        (
            "Calls of earlier records that were imported.",
            "تماس‌هایی که از سوابق پیشین وارد شده‌اند.",
        ),
    ),
)

_OUTCOME = (
    "Calls with this outcome; one with several stands at each, so they do not add up to calls.",
    "تماس‌هایی با این نتیجه؛ تماسی با چند نتیجه در هر کدام هست، پس جمع آن‌ها تعداد تماس‌ها نیست.",
)
_LABELS_EN = {
    OutcomeId.PHONE_RESOLVED: "Solved by phone",
    OutcomeId.MOBILE_TEAM: "Mobile team",
    OutcomeId.CRISIS_CENTRE_OUTPATIENT: "Crisis centre, outpatient",
    OutcomeId.CRISIS_CENTRE_ADMISSION: "Crisis centre, admission",
    OutcomeId.SERVICE_BASE: "Social service base",
    OutcomeId.INTERNAL_OTHER: "Other centre inside",
    OutcomeId.EXTERNAL: "Body outside",
    OutcomeId.UNRELATED: "Unrelated",
    OutcomeId.PRANK: "Prank",
    OutcomeId.SILENT: "Silent",
    OutcomeId.TEST: "Test",
    OutcomeId.CALL_BACK_DUE: "To be called back",
}
# Which of them a figure takes together.
CRISIS_CENTRE = (OutcomeId.CRISIS_CENTRE_OUTPATIENT, OutcomeId.CRISIS_CENTRE_ADMISSION)
OTHER_CENTRES = (OutcomeId.SERVICE_BASE, OutcomeId.INTERNAL_OTHER, OutcomeId.EXTERNAL)
_PART_OF = {
    **dict.fromkeys(CRISIS_CENTRE, "outcome.crisis_centre"),
    **dict.fromkeys(OTHER_CENTRES, "outcome.other_centres"),
}


def _outcomes() -> tuple[Definition, ...]:
    found = []
    for outcome, label_en in _LABELS_EN.items():
        labels = (label_en, OUTCOME_LABELS[outcome])
        whole = _PART_OF.get(outcome)
        found.append(_call(f"outcome.{outcome}", Section.OUTCOMES, labels, _OUTCOME, whole))
        if outcome is OutcomeId.PHONE_RESOLVED:
            found += [_part(outcome, "kind", kind) for kind in ServiceKind]
        if outcome is OutcomeId.EXTERNAL:
            found += [_part(outcome, "body", body) for body in OutsideBody]
    return (*found, *_TOGETHER)


def _part(outcome: OutcomeId, field: str, value: ServiceKind | OutsideBody) -> Definition:
    labels = (f"with {value.replace('_', ' ')}", FORM_LABELS[field][value])
    if outcome is OutcomeId.EXTERNAL:
        labels = (f"to {value.replace('_', ' ')}", labels[1])
    whole = f"outcome.{outcome}"
    return _call(f"{whole}.{value}", Section.OUTCOMES, labels, _OUTCOME, whole)


_TOGETHER = (
    _call(
        "outcome.crisis_centre",
        Section.OUTCOMES,
        ("Crisis centre, either way", "مرکز مداخله در بحران، در مجموع"),
        (
            "Calls referred to a crisis-intervention centre, as outpatients or to stay; each once.",
            "تماس‌های ارجاع‌شده به مرکز مداخله در بحران، سرپایی یا برای نگهداری؛ هر تماس یک بار.",
        ),
    ),
    _call(
        "outcome.other_centres",
        Section.OUTCOMES,
        ("Other centres, inside or outside", "سایر مراکز درون‌سازمانی و برون‌سازمانی"),
        (
            "Calls referred to a service base, another centre inside or a body outside; each once.",
            "تماس‌های ارجاع‌شده به پایگاه، سایر مراکز درون‌سازمانی یا برون‌سازمانی؛ هر تماس یک بار.",
        ),
    ),
)

_FAMILIES = (
    _call(
        "category.*",
        Section.CATEGORIES,
        ("Calls about", "تماس دربارهٔ"),
        (
            "Related calls and those not recorded yet, as the counsellor found it, else as heard.",
            "تماس‌های مرتبط یا ثبت‌نشده، بر پایهٔ دریافت کارشناس، وگرنه انتخاب تماس‌گیرنده.",
        ),
        "calls",
    ),
    _call(
        "county.*",
        Section.COUNTIES,
        ("Calls of the county", "تماس از شهرستان"),
        (
            "Calls by the county of the event, else the one that the line went by.",
            "تماس‌ها بر پایهٔ شهرستان رویداد، وگرنه شهرستانی که خط بر پایهٔ آن عمل کرده است.",
        ),
        "calls",
    ),
    _call(
        "hour.*",
        Section.HOURS,
        ("Calls arriving at", "تماس‌های رسیده در ساعت"),
        (
            "Calls by the hour in Tehran at which they arrived, over all days of the period.",
            "تماس‌ها بر پایهٔ ساعت رسیدن به وقت تهران، در همهٔ روزهای دوره.",
        ),
        "calls",
    ),
)

DEFINITIONS = (*_CALLS, *SERVICE, *_outcomes(), *PEOPLE, *_FAMILIES)
_BY_ID = by_id(DEFINITIONS)


def definition_of(figure: str) -> Definition:
    """What the figure counts; raises KeyError for one that reports do not have."""
    return _BY_ID[figure] if figure in _BY_ID else _BY_ID[family_of(figure)]


def is_counted(figure: str) -> bool:
    """Whether it is a number of calls, persons, dispatches or visits, not of seconds or a share."""
    return definition_of(figure).unit in COUNTED
