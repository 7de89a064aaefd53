"""The times and counts that a province may set: of the floor, of what is heard, of locations."""

from pydantic import Field

from ivr.rules.fields import Count, Record, Seconds, Share


class Limits(Record):
    """The floor's times and counts, named as the floor names them; the bounds keep callers safe.

    The defaults are ours: no source gives any.
    """

    ring_s: Seconds = Field(
        20, ge=5, le=60, description="how long one counsellor's phone rings for one call"
    )
    ring_at_once: Count = Field(
        1, ge=1, le=5, description="how many counsellors are rung at once for one call"
    )
    ring_at_once_danger: Count = Field(
        1, ge=1, le=5, description="how many counsellors are rung at once for a call in danger"
    )
    whisper_s: Seconds = Field(
        15, ge=5, le=60, description="the time from picking up to accepting the call"
    )
    connect_s: Seconds = Field(
        6, ge=2, le=30, description="the time from acceptance until both hear each other"
    )
    wrap_up_s: Seconds = Field(
        30, ge=0, le=900, description="the time for notes before the next call is offered"
    )
    wrap_up_least_s: Seconds = Field(
        10, ge=0, le=300, description="the part of the time for notes that even danger leaves"
    )
    wrap_up_more_most_s: Seconds = Field(
        600, ge=0, le=3600, description="by how much a counsellor may lengthen the time for notes"
    )
    danger_ends_wrap_ups: bool = Field(
        True,
        description="whether danger rings counsellors who write their notes when nobody is free",
    )
    danger_lifts_back_offs: bool = Field(
        True,
        description="whether danger rings those who did not answer another call a moment ago",
    )
    short_abandonment_s: Seconds = Field(
        5, ge=0, le=30, description="the wait below which a lost call counts as short"
    )
    left_open_s: Seconds = Field(
        60,
        ge=10,
        le=900,
        description="how long a line may stay open after the talk before somebody looks after it",
    )
    lost_talk_s: Seconds = Field(
        30,
        ge=0,
        le=300,
        description="the talk below which a caller in danger, whose county is not known, is lost",
    )
    rona_s: Seconds = Field(
        10, ge=1, le=120, description="the pause in offers after a phone rang in vain"
    )
    rona_most_s: Seconds = Field(
        60, ge=1, le=600, description="the longest pause after several that rang in vain"
    )
    rona_alarm_after: Count = Field(
        3, ge=1, le=10, description="how many offers in a row may ring in vain before an alarm"
    )
    rona_pause_after: Count = Field(
        5, ge=1, le=20, description="how many offers in a row may ring in vain before a pause"
    )
    back_off_least_s: Seconds = Field(
        1,
        ge=1,
        le=600,
        description="the part of such a pause that is kept where nobody else could be rung",
    )
    rejected_s: Seconds = Field(
        15, ge=1, le=300, description="the pause in offers after a counsellor rejected one"
    )
    busy_s: Seconds = Field(
        5, ge=1, le=300, description="the pause in offers after a phone was busy"
    )
    unreachable_s: Seconds = Field(
        5, ge=1, le=300, description="the pause in offers after a phone was not reachable"
    )
    no_such_number_s: Seconds = Field(
        60, ge=1, le=3600, description="the pause in offers after a telephone's number was unknown"
    )
    declined_s: Seconds = Field(
        15, ge=1, le=300, description="the pause in offers after a picked-up call was declined"
    )
    failed_s: Seconds = Field(
        2, ge=1, le=300, description="the pause in offers after Asterisk could not ring a phone"
    )
    device_lost_s: Seconds = Field(
        15, ge=1, le=300, description="the pause in offers after a phone went silent in a talk"
    )
    device_back_s: Seconds = Field(
        60, ge=0, le=600, description="the time in which a broken talk goes back to its counsellor"
    )
    heavy_gap_s: Seconds = Field(
        1800,
        ge=0,
        le=86400,
        description="the time after a heavy call in which others are rung first for the next one",
    )
    stretch_most_s: Seconds = Field(
        7200, ge=900, le=43200, description="the work without a rest after which others come first"
    )
    rest_s: Seconds = Field(
        300, ge=60, le=3600, description="the time without talk or notes that counts as a rest"
    )
    break_others_least: Count = Field(
        1, ge=0, le=20, description="how many others stay at a desk when somebody has a break"
    )


class Conversation(Record):
    """The times of what callers hear."""

    first_wait_s: Seconds = Field(
        3, ge=2, le=4, description="the silence after the first question that counts as an answer"
    )
    key_wait_s: Seconds = Field(
        6, ge=3, le=20, description="the silence after a further question that counts as an answer"
    )
    announce_first_s: Seconds = Field(
        10, ge=5, le=60, description="the wait after which a caller in line is first told more"
    )
    announce_every_s: Seconds = Field(
        30, ge=10, le=120, description="the time between two sentences to a waiting caller"
    )
    announce_position: bool = Field(
        True, description="whether a waiting caller is told their place in line, where it is known"
    )
    announce_wait: bool = Field(
        True, description="whether a waiting caller is told the expected wait, where it is known"
    )
    closing_wait_s: Seconds = Field(
        8, ge=3, le=30, description="the time in which key 1 brings a caller back after a talk"
    )


class LocationTrust(Record):
    """How sure a county must be that nobody was asked for; ours, no source gives any.

    `ivr.location.decide` has the sureness of each source. What a caller or counsellor says always
    goes before it.
    """

    use_from: Share = Field(
        0.8, description="how sure a county must be to stand for a caller who named none"
    )
    skip_question_from: Share = Field(
        0.9, description="how sure a county must be for the county question to be left out"
    )
    earlier_call_days: Count = Field(
        90, ge=0, le=730, description="how many days a caller's own word on the county is kept"
    )
