"""The outcomes of a call: ids that stay, Persian labels that people read.

The first seven are those of the provinces' published reports; the rest are the line's own, so that
every ended call can be closed with one word. A call may have several (telephone and team); calls,
persons and dispatches are never added up.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from ivr.errors import BadInput


class OutcomeId(StrEnum):
    """How a call ended. Reports count by these ids, so they never change; labels may."""

    PHONE_RESOLVED = "phone_resolved"
    MOBILE_TEAM = "mobile_team"
    CRISIS_CENTRE_OUTPATIENT = "crisis_centre_outpatient"
    CRISIS_CENTRE_ADMISSION = "crisis_centre_admission"
    SERVICE_BASE = "service_base"
    INTERNAL_OTHER = "internal_other"
    EXTERNAL = "external"
    UNRELATED = "unrelated"
    PRANK = "prank"
    SILENT = "silent"
    TEST = "test"
    CALL_BACK_DUE = "call_back_due"


class Relation(StrEnum):
    """Whether a call is one for the service; half to four fifths are not, as provinces report."""

    RELATED = "related"
    UNRELATED = "unrelated"
    SILENT = "silent"
    PRANK = "prank"
    TEST = "test"


class Risk(StrEnum):
    NONE = "none"
    LOW = "low"
    HIGH = "high"
    IMMEDIATE = "immediate"


class Reporter(StrEnum):
    """Who called; the victim of an event is often another person."""

    SELF = "self"
    RELATIVE = "relative"
    NEIGHBOUR = "neighbour"
    SCHOOL = "school"
    POLICE = "police"
    HOSPITAL = "hospital"
    OTHER_BODY = "other_body"
    OTHER = "other"


class ServiceKind(StrEnum):
    """With which help a call was solved by phone."""

    PSYCHOLOGY = "psychology"
    SOCIAL_WORK = "social_work"
    LEGAL = "legal"


class OutsideBody(StrEnum):
    POLICE = "police"
    JUDICIARY = "judiciary"
    EMERGENCY_115 = "emergency_115"
    OTHER = "other"


class AgeBand(StrEnum):
    CHILD = "0-11"
    ADOLESCENT = "12-17"
    ADULT = "18-59"
    OLDER = "60+"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


# What people read where a province's rules say nothing else.
OUTCOME_LABELS: Mapping[OutcomeId, str] = MappingProxyType(
    {
        OutcomeId.PHONE_RESOLVED: "حل‌شده با مداخلهٔ تلفنی کارشناس",
        OutcomeId.MOBILE_TEAM: "اعزام یا ارجاع به تیم خدمات سیار",
        OutcomeId.CRISIS_CENTRE_OUTPATIENT: "ارجاع به مرکز مداخله در بحران (سرپایی)",
        OutcomeId.CRISIS_CENTRE_ADMISSION: "پذیرش در مرکز مداخله در بحران (نگهداری)",
        OutcomeId.SERVICE_BASE: "ارجاع به پایگاه خدمات اجتماعی",
        OutcomeId.INTERNAL_OTHER: "ارجاع به سایر مراکز درون‌سازمانی",
        OutcomeId.EXTERNAL: "ارجاع به مراکز برون‌سازمانی",
        OutcomeId.UNRELATED: "نامرتبط",
        OutcomeId.PRANK: "مزاحم",
        OutcomeId.SILENT: "تماس بی‌صدا",
        OutcomeId.TEST: "تماس آزمایشی",
        OutcomeId.CALL_BACK_DUE: "نیازمند تماس دوباره",
    }
)


# The same for what else a form asks, by its field.
FORM_LABELS: Mapping[str, Mapping[StrEnum, str]] = MappingProxyType(
    {
        "relation": {
            Relation.RELATED: "مرتبط",
            Relation.UNRELATED: "نامرتبط",
            Relation.SILENT: "تماس بی‌صدا",
            Relation.PRANK: "مزاحم",
            Relation.TEST: "تماس آزمایشی",
        },
        "risk": {
            Risk.NONE: "بدون خطر",
            Risk.LOW: "خطر کم",
            Risk.HIGH: "خطر زیاد",
            Risk.IMMEDIATE: "خطر فوری",
        },
        "reporter": {
            Reporter.SELF: "خود فرد",
            Reporter.RELATIVE: "بستگان",
            Reporter.NEIGHBOUR: "همسایه",
            Reporter.SCHOOL: "مدرسه",
            Reporter.POLICE: "پلیس",
            Reporter.HOSPITAL: "بیمارستان",
            Reporter.OTHER_BODY: "نهاد دیگر",
            Reporter.OTHER: "شخص دیگر",
        },
        "kind": {
            ServiceKind.PSYCHOLOGY: "روان‌شناسی",
            ServiceKind.SOCIAL_WORK: "مددکاری",
            ServiceKind.LEGAL: "حقوقی",
        },
        "body": {
            OutsideBody.POLICE: "پلیس ۱۱۰",
            OutsideBody.JUDICIARY: "دستگاه قضایی",
            OutsideBody.EMERGENCY_115: "اورژانس ۱۱۵",
            OutsideBody.OTHER: "نهاد دیگر",
        },
        "age_band": {
            AgeBand.CHILD: "تا ۱۱ سال",
            AgeBand.ADOLESCENT: "۱۲ تا ۱۷ سال",
            AgeBand.ADULT: "۱۸ تا ۵۹ سال",
            AgeBand.OLDER: "۶۰ سال و بیشتر",
        },
        "sex": {
            Sex.FEMALE: "زن",
            Sex.MALE: "مرد",
        },
    }
)


def outcome_id(text: str) -> OutcomeId:
    """The outcome of this id; raises BadInput with all that are allowed."""
    try:
        return OutcomeId(text)
    except ValueError:
        allowed = ", ".join(OutcomeId)
        raise BadInput(f"There is no outcome {text!r}; allowed are: {allowed}.") from None
