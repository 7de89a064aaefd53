"""The outcomes of a call: ids that stay, Persian labels that people read.

The first seven are those of the provinces' published reports; the rest are the line's own, so that
every ended call can be closed with one word. A call may have several (telephone and team); calls,
persons and dispatches are never added up.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NewType

from ivr.errors import BadInput

OutcomeId = NewType("OutcomeId", str)

OUTCOME_LABELS: Mapping[OutcomeId, str] = MappingProxyType(
    {
        OutcomeId("phone_resolved"): "حل‌شده با مداخلهٔ تلفنی کارشناس",
        OutcomeId("mobile_team"): "اعزام یا ارجاع به تیم خدمات سیار",
        OutcomeId("crisis_centre_outpatient"): "ارجاع به مرکز مداخله در بحران (سرپایی)",
        OutcomeId("crisis_centre_admission"): "پذیرش در مرکز مداخله در بحران (نگهداری)",
        OutcomeId("service_base"): "ارجاع به پایگاه خدمات اجتماعی",
        OutcomeId("internal_other"): "ارجاع به سایر مراکز درون‌سازمانی",
        OutcomeId("external"): "ارجاع به مراکز برون‌سازمانی",
        OutcomeId("unrelated"): "نامرتبط",
        OutcomeId("prank"): "مزاحم",
        OutcomeId("silent"): "تماس بی‌صدا",
        OutcomeId("test"): "تماس آزمایشی",
        OutcomeId("call_back_due"): "نیازمند تماس دوباره",
    }
)


def outcome_id(text: str) -> OutcomeId:
    """The outcome of this id; raises BadInput with all that are allowed."""
    outcome = OutcomeId(text)
    if outcome not in OUTCOME_LABELS:
        raise BadInput(f"There is no outcome {text!r}; allowed are: {', '.join(OUTCOME_LABELS)}.")
    return outcome
