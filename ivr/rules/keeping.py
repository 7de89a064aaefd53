"""How a province keeps its records: when what is owed becomes the supervisor's business."""

from pydantic import Field

from ivr.rules.fields import Count, Record


class Keeping(Record):
    outcome_overdue_h: Count = Field(
        8,
        ge=1,
        le=168,
        description="after how many hours a call without an outcome is shown to the supervisor",
    )
