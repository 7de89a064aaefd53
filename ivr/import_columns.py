"""The columns of a file of earlier records: what `ivr calls import --schema` says of each."""

from dataclasses import dataclass
from enum import StrEnum

from ivr.dispatching import AskedBy, CoverKind
from ivr.outcomes import OutcomeId, OutsideBody, Relation, Reporter, Risk, ServiceKind
from ivr.visits import LONGEST_STAY, CentreService, StayEnd, VisitKind


class RecordKind(StrEnum):
    """What a line of the file is."""

    CALL = "call"
    DISPATCH = "dispatch"
    VISIT = "visit"


CALL, DISPATCH, VISIT = ((kind,) for kind in RecordKind)
EVERY = tuple(RecordKind)
ENDS = ("connected", "abandoned", "short_abandonment", "in_menu")  # of ivr.model.CallEnd


@dataclass(frozen=True, slots=True)
class ImportColumn:
    """A column, or a key of JSON lines. `of`: the kinds of record that have it."""

    name: str
    of: tuple[RecordKind, ...]
    meaning: str
    example: str
    required: tuple[RecordKind, ...] = ()


def _ids(kind: type[StrEnum]) -> str:
    return ", ".join(kind)


_OTHERS = (DISPATCH[0], VISIT[0])
COLUMNS = (
    ImportColumn("record", EVERY, f"{_ids(RecordKind)}; left out: call", "call"),
    ImportColumn(
        "key",
        EVERY,
        "the record's own number in your books, once in a province; left out: made of the line's "
        "content, so two lines that say the same need one each",
        "1400-0001",
    ),
    ImportColumn(
        "call",
        _OTHERS,
        "the key of the call that it came of (a line further up, or imported before), or the id "
        "of a call of this line; left out: no call caused it",
        "1400-0001",
    ),
    ImportColumn(
        "province", EVERY, "id or name; needed where the county is left out", "south-khorasan"
    ),
    ImportColumn(
        "county",
        EVERY,
        "where it happened: id, or name beside the province",
        "south-khorasan-birjand",
        DISPATCH,
    ),
    ImportColumn(
        "at",
        EVERY,
        "when the call came, the trip was asked for, the visit began: Jalali or Gregorian, "
        "in Tehran",
        "1400/01/15 08:30",
        EVERY,
    ),
    ImportColumn("joined_at", CALL, "when the caller joined the line", "1400/01/15 08:31"),
    ImportColumn("connected_at", CALL, "when the talk began", "1400/01/15 08:32"),
    ImportColumn(
        "ended_at",
        (CALL[0], VISIT[0]),
        f"when the talk ended; of a stay, when it ended (left out: {LONGEST_STAY.days} days, or "
        "until_at, once that is past)",
        "1400/01/15 08:50",
    ),
    ImportColumn(
        "end",
        CALL,
        f"{', '.join(ENDS)}; left out: connected where a form or connected_at is given, "
        "abandoned where joined_at alone is, else not known",
        "connected",
    ),
    ImportColumn(
        "heard_county", CALL, "whence was called, where that is another county", "markazi-arak"
    ),
    ImportColumn("heard_category", CALL, "what the caller chose, by id or name", "child_abuse"),
    ImportColumn("desk", CALL, "which desk answered: a county or the province", "south-khorasan"),
    ImportColumn("counsellor", CALL, "who answered, by id", "birjand-1"),
    ImportColumn("category", CALL, "what it was about, by id or name", "family_dispute"),
    ImportColumn(
        "relation",
        CALL,
        f"{_ids(Relation)}; left out: by the outcomes; without any the call has no form yet",
        "related",
    ),
    ImportColumn(
        "outcomes",
        CALL,
        f"one or several, with ; between: {_ids(OutcomeId)}; behind a colon the kind of help "
        f"({_ids(ServiceKind)}), the body outside ({_ids(OutsideBody)}), or the unit's id",
        "phone_resolved:psychology; external:police",
    ),
    ImportColumn(
        "persons",
        EVERY,
        "how many people were served; with age and sex as COUNT:AGE:SEX, ; between",
        "2:18-59:female; 1:0-11",
    ),
    ImportColumn("reporter", CALL, _ids(Reporter), "neighbour"),
    ImportColumn("risk", CALL, _ids(Risk), "high"),
    ImportColumn("team", DISPATCH, "which mobile team, by id", "team-birjand", DISPATCH),
    ImportColumn(
        "team_county",
        DISPATCH,
        "the team's county, by id; left out: as the rules say, else the event's",
        "south-khorasan-birjand",
    ),
    ImportColumn(
        "cover",
        DISPATCH,
        f"why that team: {_ids(CoverKind)}; left out: own where the counties are the same, "
        "else other",
        "own",
    ),
    ImportColumn(
        "asked_by", DISPATCH, f"{_ids(AskedBy)}; left out: call, or other without one", "police"
    ),
    ImportColumn(
        "sent_at",
        DISPATCH,
        "when it left, from which on it counts; left out: at `at`, unless cancelled",
        "1400/01/15 09:00",
    ),
    ImportColumn("arrived_at", DISPATCH, "when it was there", "1400/01/15 09:20"),
    ImportColumn("closed_at", DISPATCH, "when it was over; left out: then", "1400/01/15 10:00"),
    ImportColumn("cancelled_at", DISPATCH, "when it was called off", "1400/01/15 08:40"),
    ImportColumn("vehicle", DISPATCH, "which vehicle", "2"),
    ImportColumn("result", DISPATCH, "what came of it", "به مرکز رسانده شد"),
    ImportColumn("centre", VISIT, "which crisis centre, by id", "crisis-birjand", VISIT),
    ImportColumn("kind", VISIT, _ids(VisitKind), "admission", VISIT),
    ImportColumn("services", VISIT, f"with ; between: {_ids(CentreService)}", "psychology; legal"),
    ImportColumn(
        "until_at", VISIT, "until when a stay was to last at the latest", "1400/02/05 12:00"
    ),
    ImportColumn("ended_how", VISIT, f"how a stay ended: {_ids(StayEnd)}", "home"),
    ImportColumn(
        "note", EVERY, "anything else; no names and no telephone numbers", "به مدرسه خبر داده شد"
    ),
)
BY_NAME = {column.name: column for column in COLUMNS}
