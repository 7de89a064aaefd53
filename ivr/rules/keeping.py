"""How a province keeps its records: when what is owed is the supervisor's business, and how long.

The days are ours: no source of the line gives any. They count from a call's end, and what is erased
then is not what reports count.
"""

from typing import Annotated

from pydantic import Field

from ivr.rules.fields import Count, Record

Days = Annotated[Count, Field(ge=1, le=7300)]


class Keeping(Record):
    outcome_overdue_h: Count = Field(
        8,
        ge=1,
        le=168,
        description="after how many hours a call without an outcome is shown to the supervisor",
    )
    # Long enough to call somebody back, and for what the police or a court asks for.
    numbers_d: Days = Field(365, description="how many days callers' numbers are kept, sealed")
    # Troubles of years ago come back; without the pseudonym the caller is a stranger.
    pseudonyms_d: Days = Field(
        1825, description="how many days a caller who calls again is recognised"
    )
    # It has callers in it, so it never outlives their numbers; faults are looked into sooner.
    journal_d: Days = Field(
        90, description="how many days every event of the line is kept, to look into faults"
    )
    notes_d: Days = Field(
        1825, description="how many days free text of forms, trips and stays is kept"
    )
    locations_d: Days = Field(
        180, description="how many days it is kept by what a call's place was found"
    )
    # What was not saved in a month is not going to be; calls without a form stand on a list.
    drafts_d: Days = Field(30, description="how many days forms that nobody saved are kept")
    deliveries_d: Days = Field(
        30, description="how many days messages to other systems are kept after their delivery"
    )
    # Nobody repeats a save after so long; what was saved is not touched.
    answers_d: Days = Field(
        90, description="how many days a save that is repeated is answered as the first time"
    )
