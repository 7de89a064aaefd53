"""What a form is checked against, from what is in force."""

from datetime import datetime

from ivr.calendar import TEHRAN
from ivr.current import current_in_force
from ivr.form_check import FormSetting
from ivr.location_files import gazette
from ivr.model import CountyId
from ivr.model.record import CallRecord
from ivr.settings import Settings


async def form_setting(settings: Settings, record: CallRecord, now: datetime) -> FormSetting | None:
    """None where the call's province has no rules any more: then nothing is held against a form."""
    in_force = await current_in_force(settings, now)
    rules = next((one for one in in_force.rules if one.id == record.province), None)
    if rules is None:
        return None
    return FormSetting(
        rules=rules,
        known_counties=frozenset(CountyId(county) for county in gazette().provinces),
        heard_county=record.facts.county if record.facts else None,
        heard_category=record.facts.category if record.facts else None,
        today=now.astimezone(TEHRAN).date(),
    )
