"""Earlier records as the line keeps them: each line of a file becomes a call, a trip or a visit."""

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache

from pydantic import ValidationError

from ivr.calendar import TEHRAN
from ivr.dispatching import AskedBy, CoverKind, Dispatch
from ivr.errors import BadInput
from ivr.form_check import FormSetting, check_form
from ivr.import_columns import RecordKind
from ivr.import_fields import Fields
from ivr.import_files import FileLine, LineProblem, Values
from ivr.import_places import category_of, county_of, desk_of, province_of, unit_of
from ivr.jalali import parse_instant
from ivr.location_files import gazette
from ivr.model import CallEnd, CallId, CounsellorId, CountyId, ProvinceId
from ivr.outcome_form import ONE_TOUCH, RELATIONS, OutcomeForm, OutcomeItem
from ivr.outcomes import Relation, Reporter, Risk
from ivr.rules.schema import ProvinceRules
from ivr.store.calls_import import Imported, ImportedCall, ImportedTrip, ImportedVisit
from ivr.store.entered import EnteredCall, call_id
from ivr.store.forms import Source
from ivr.visits import StayEnd, Visit, VisitKind, checked


class _End(StrEnum):
    CONNECTED = "connected"
    ABANDONED = "abandoned"
    SHORT_ABANDONMENT = "short_abandonment"
    IN_MENU = "in_menu"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSetting:
    """What lines are read by: the rules in force by province, who imports, when."""

    rules: Mapping[ProvinceId, ProvinceRules]
    by: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """A line as a record, or what is wrong with it; `of_call` is the key or id that it names."""

    number: int
    record: Imported | None
    problems: tuple[LineProblem, ...] = ()
    of_call: str | None = None


class LineReader:
    """Makes records of lines; the same line gives the same record, with the same id."""

    def __init__(self, setting: ImportSetting) -> None:
        self._setting = setting
        self.calls_there: set[CallId] = set()  # calls of the line that lines name by their ids

    def read(self, line: FileLine) -> ReadLine:
        if line.problems:
            return ReadLine(number=line.number, record=None, problems=line.problems)
        fields = Fields(line.number, line.values, self._setting.now)
        reading = _Reading(self._setting, fields, line.values, self.calls_there)
        record = reading.record()
        problems = tuple(fields.problems)
        return ReadLine(
            number=line.number,
            record=None if problems else record,
            problems=problems,
            of_call=line.values.get("call"),
        )


class _Reading:
    """One line on its way to its record."""

    def __init__(
        self,
        setting: ImportSetting,
        fields: Fields,
        values: Values,
        calls_there: Set[CallId],
    ) -> None:
        self._setting, self._fields = setting, fields
        self._values, self._calls_there = values, calls_there

    def record(self) -> Imported | None:
        fields = self._fields
        kind = RecordKind.CALL
        if "record" in self._values:
            kind = fields.one_of("record", RecordKind) or kind
        if fields.problems:
            return None
        fields.check_columns(kind)
        rules, at = self._rules(), fields.at("at")
        if rules is None or at is None:
            return None
        try:
            if kind is RecordKind.CALL:
                return self._call(rules, at)
            return self._trip(rules, at) if kind is RecordKind.DISPATCH else self._visit(rules, at)
        except BadInput as error:
            fields.wrong("at", str(error))
            return None

    # -- places

    def _rules(self) -> ProvinceRules | None:
        """Of the province that is named, else of the county's."""
        named = self._fields.parsed("province", province_of)
        if "province" in self._values and named is None:
            return None
        county = self._county("county", named)
        province = named or (county and gazette().provinces[county])
        if province is None and "county" not in self._values:
            self._fields.wrong("province", "neither province nor county is given; write one")
        rules = self._setting.rules.get(province) if province else None
        if province and rules is None:
            known = ", ".join(self._setting.rules)
            self._fields.wrong(
                "province", f"this line does not serve {province}; it serves: {known}"
            )
        return rules

    def _county(self, column: str, province: ProvinceId | None) -> CountyId | None:
        """A county by its id, or by its name beside a province, in which it must then lie."""
        found = self._fields.parsed(column, lambda text: county_of(text, province))
        if column == "county" and found and province not in {None, gazette().provinces[found]}:
            self._fields.wrong(column, f"{found} does not lie in {province}")
        return found

    def _event_county(self, rules: ProvinceRules) -> CountyId | None:
        text = self._values.get("county")
        return county_of(text, rules.id) if text else None

    # -- calls

    def _call(self, rules: ProvinceRules, at: datetime) -> ImportedCall:
        fields = self._fields
        joined_at, connected_at = fields.at("joined_at"), fields.at("connected_at")
        ended_at = fields.at("ended_at")
        county = self._event_county(rules)
        heard_county = self._county("heard_county", None) or county
        desk = fields.parsed("desk", lambda text: desk_of(text, rules))
        entered = EnteredCall(
            key=self._own_key(rules),
            province=rules.id,
            arrived_at=at,
            joined_at=joined_at,
            connected_at=connected_at,
            ended_at=ended_at or connected_at or joined_at or at,
            county=heard_county,
            category=fields.parsed("heard_category", lambda text: category_of(text, rules)),
            counsellor=self._counsellor(),
            desk=desk,
        )
        form = self._form(rules, county)
        if form is not None:
            self._check(form, rules, entered)
        return ImportedCall(
            entered=entered,
            form=form,
            end=self._end(entered, form),
            talk_ended=ended_at is not None and connected_at is not None,
        )

    def _counsellor(self) -> CounsellorId | None:
        found = self._fields.key("counsellor")
        return CounsellorId(found) if found else None

    def _form(self, rules: ProvinceRules, county: CountyId | None) -> OutcomeForm | None:
        fields = self._fields
        outcomes, relation = fields.outcomes(), fields.one_of("relation", Relation)
        if relation is None and not outcomes:
            for column in ("category", "persons", "risk", "reporter", "note"):
                if column in self._values:
                    fields.wrong(column, "relation and outcomes are missing; write one of them")
            return None
        if relation is None:
            relation = RELATIONS.get(outcomes[0].outcome, Relation.RELATED)
        if not outcomes and relation in ONE_TOUCH:
            outcomes = (OutcomeItem(outcome=ONE_TOUCH[relation]),)
        values = {
            "relation": relation,
            "category": fields.parsed("category", lambda text: category_of(text, rules)),
            "county": county,
            "reporter": fields.one_of("reporter", Reporter),
            "persons": fields.persons(),
            "risk": fields.one_of("risk", Risk),
            "outcomes": outcomes,
            "note": fields.text("note") or "",
        }
        try:
            return OutcomeForm.model_validate(values)
        except ValidationError as error:  # too long, or too many
            for one in error.errors(include_url=False):
                fields.wrong(str(one["loc"][0]), one["msg"])
            return None

    def _check(self, form: OutcomeForm, rules: ProvinceRules, entered: EnteredCall) -> None:
        setting = FormSetting(
            rules=rules,
            known_counties=_all_counties(),
            heard_county=entered.county,
            heard_category=entered.category,
            today=self._setting.now.astimezone(TEHRAN).date(),
        )
        if not self._fields.problems:
            for problem in check_form(form, setting):
                self._fields.wrong(problem.field.partition(".")[0], problem.what)

    def _end(self, entered: EnteredCall, form: OutcomeForm | None) -> CallEnd | None:
        """As it is written, else as far as the times and the form tell it."""
        end = self._fields.one_of("end", _End)
        if end is not None and end is not _End.CONNECTED and entered.connected_at:
            self._fields.wrong("end", f"connected_at says that they talked; {end} does not")
        if end is not None:
            return CallEnd(end.value)
        if entered.connected_at or form:
            return CallEnd.CONNECTED
        return CallEnd.ABANDONED if entered.joined_at else None

    # -- trips and visits

    def _trip(self, rules: ProvinceRules, at: datetime) -> ImportedTrip:
        fields = self._fields
        county = self._event_county(rules) or CountyId(rules.id)
        team = fields.parsed("team", lambda text: unit_of(text, rules.mobile_teams)) or ""
        home = next((one.county for one in rules.mobile_teams if one.id == team), county)
        team_county = self._county("team_county", rules.id) or home
        cover = CoverKind.OWN if team_county == county else CoverKind.OTHER
        of_call = self._of_call(rules)
        cancelled_at = fields.at("cancelled_at")
        sent_at = fields.at("sent_at") or (None if cancelled_at else at)
        arrived_at = fields.at("arrived_at")
        closed_at = fields.at("closed_at") or (None if cancelled_at else arrived_at or sent_at)
        self._in_order(at, sent_at, arrived_at, closed_at or cancelled_at)
        trip = Dispatch(
            id=0,
            key=f"imported-{self._own_key(rules)}",
            call=of_call,
            province=rules.id,
            county=county,
            team=team,
            team_county=team_county,
            cover=fields.one_of("cover", CoverKind) or cover,
            asked_by=fields.one_of("asked_by", AskedBy)
            or (AskedBy.CALL if of_call else AskedBy.OTHER),
            requested_at=at,
            sent_at=sent_at,
            arrived_at=arrived_at,
            closed_at=closed_at,
            cancelled_at=cancelled_at,
            vehicle=fields.text("vehicle"),
            result=fields.text("result"),
            note=fields.text("note") or "",
            by=self._setting.by,
            at=self._setting.now,
        )
        return ImportedTrip(trip=trip, served=fields.persons())

    def _in_order(self, *times: datetime | None) -> None:
        known = [one for one in times if one is not None]
        if known != sorted(known):
            raise BadInput(
                "the times are not in order: a trip is asked for, is sent, arrives, is over"
            )

    def _visit(self, rules: ProvinceRules, at: datetime) -> ImportedVisit:
        fields = self._fields
        ended_at = fields.at("ended_at")
        if ended_at is not None and ended_at < at:
            raise BadInput("a stay does not end before it begins")
        visit = checked(
            Visit(
                id=0,
                key=f"imported-{self._own_key(rules)}",
                call=self._of_call(rules),
                province=rules.id,
                county=self._event_county(rules),
                centre=fields.parsed("centre", lambda text: unit_of(text, rules.crisis_centres))
                or "",
                kind=fields.one_of("kind", VisitKind) or VisitKind.OUTPATIENT,
                services=fields.services(),
                from_at=at,
                until_at=fields.parsed("until_at", parse_instant),
                ended_at=ended_at,
                ended_how=fields.one_of("ended_how", StayEnd),
                note=fields.text("note") or "",
                by=self._setting.by,
                at=self._setting.now,
            )
        )
        return ImportedVisit(visit=self._over(visit), served=fields.persons())

    def _over(self, visit: Visit) -> Visit:
        """A stay that nobody has ended in the records has ended by now, where its limit is past."""
        if visit.ended_at or visit.until_at is None or visit.until_at > self._setting.now:
            return visit
        return replace(visit, ended_at=visit.until_at)

    # -- keys

    def _own_key(self, rules: ProvinceRules) -> str:
        """Provinces number their records each for itself."""
        return f"{rules.id}-{self._fields.key('key') or _digest(self._values)}"

    def _of_call(self, rules: ProvinceRules) -> CallId | None:
        text = self._values.get("call")
        if text is None or text in self._calls_there:
            return CallId(text) if text else None
        key = self._fields.key("call")
        return call_id(f"{rules.id}-{key}", Source.IMPORTED) if key else None


@cache
def _all_counties() -> frozenset[CountyId]:
    return frozenset(gazette().provinces)


def _digest(values: Values) -> str:
    content = json.dumps(values, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:24]
