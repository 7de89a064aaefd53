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


def outcome_id(text: str) -> OutcomeId:
    """The outcome of this id; raises BadInput with all that are allowed."""
    try:
        return OutcomeId(text)
    except ValueError:
        allowed = ", ".join(OutcomeId)
        raise BadInput(f"There is no outcome {text!r}; allowed are: {allowed}.") from None
