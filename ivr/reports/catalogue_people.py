"""The figures of persons, dispatches and visits: counted apart from calls, never added to them."""

from collections.abc import Iterator

from ivr.dispatching import CoverKind
from ivr.outcomes import FORM_LABELS, AgeBand, Sex
from ivr.reports.definitions import Definition, Section, Unit

# Who served them → labels, sentences.
SERVED_BY = {
    "line": (
        ("Persons served by the line", "افراد بهره‌مند از خط ۱۲۳"),
        (
            "People on the counting forms of calls that arrived in the period.",
            "افرادی که در فرم معتبر تماس‌های این دوره ثبت شده‌اند.",
        ),
    ),
    "mobile_team": (
        ("Persons served by mobile teams", "افراد بهره‌مند از تیم‌های سیار"),
        (
            "People recorded at trips of mobile teams sent in the period, called by phone or not.",
            "افراد ثبت‌شده در اعزام‌های تیم سیار در این دوره، با تماس یا بدون آن.",
        ),
    ),
    "crisis_centre": (
        ("Persons served by crisis centres", "افراد بهره‌مند از مراکز مداخله در بحران"),
        (
            "People recorded at visits to crisis-intervention centres that began in the period.",
            "افراد ثبت‌شده در مراجعه‌ها و پذیرش‌های مراکز مداخله در بحران که در این دوره آغاز شده‌اند.",
        ),
    ),
}
UNKNOWN = "unknown"
_UNKNOWN_FA = "نامشخص"
_PARTS = {"age": ("age_band", AgeBand), "sex": ("sex", Sex)}


def _persons() -> Iterator[Definition]:
    for who, (labels, sentences) in SERVED_BY.items():
        whole = f"persons.{who}"
        yield Definition(whole, Section.PERSONS, Unit.PERSONS, *labels, *sentences)
        for part, (field, values) in _PARTS.items():
            words = {str(value): FORM_LABELS[field][value] for value in values}
            for value, label_fa in {**words, UNKNOWN: _UNKNOWN_FA}.items():
                yield Definition(
                    *(f"{whole}.{part}.{value}", Section.PERSONS, Unit.PERSONS),
                    *(f"{part} {value}", label_fa, *sentences, whole),
                )


_COVERS = {
    CoverKind.OWN: ("by the county's own team", "با تیم همان شهرستان"),
    CoverKind.SUPPORTING: ("by a supporting county's team", "با تیم شهرستان معین"),
    CoverKind.COVER: ("by the team that covers the province", "با تیم پوشش استان"),
    CoverKind.OTHER: ("by another team", "با تیم دیگر"),
}
_SENT = (
    "Trips of mobile teams sent in the period, asked for by a call or by others.",
    "اعزام‌های تیم‌های سیار در این دوره، به درخواست تماس یا دیگران.",
)


def _dispatches() -> Iterator[Definition]:
    kind = (Section.DISPATCHES, Unit.DISPATCHES)
    yield Definition("dispatches", *kind, "Dispatches", "اعزام‌ها", *_SENT)
    for cover, labels in _COVERS.items():
        yield Definition(f"dispatches.{cover.value}", *kind, *labels, *_SENT, "dispatches")
    yield Definition(
        *("dispatches.without_call", *kind, "of all, without a call", "از همه، بدون تماس"),
        "Dispatches that no call of the line caused.",
        "اعزام‌هایی که تماسی با خط سبب آن‌ها نبوده است.",
    )


_VISITS = (
    Definition(
        *("admissions", Section.VISITS, Unit.VISITS, "Admissions", "پذیرش‌ها (نگهداری)"),
        "Stays in a crisis-intervention centre that began in the period.",
        "پذیرش‌های مراکز مداخله در بحران که در این دوره آغاز شده‌اند.",
    ),
    Definition(
        *("outpatient_visits", Section.VISITS, Unit.VISITS),
        *("Outpatient visits", "مراجعه‌های سرپایی"),
        "Visits to a crisis-intervention centre without a stay that began in the period.",
        "مراجعه‌های سرپایی به مراکز مداخله در بحران در این دوره.",
    ),
)

PEOPLE = (*_persons(), *_dispatches(), *_VISITS)
COVERS = tuple(cover.value for cover in _COVERS)
