"""What must be looked at before rules are published: errors block, the rest is shown."""

from datetime import datetime
from pathlib import Path

from ivr.calendar import TEHRAN
from ivr.rules.check import check
from ivr.rules.counties import gazetteer
from ivr.rules.findings import Finding, locate
from ivr.rules.schema import ProvinceRules


def publish_findings(rules: ProvinceRules, at: datetime) -> list[Finding]:
    """All that is wrong or doubtful with the rules as of `at`; the file named is the province.

    They come from no file, so there is no line; the field says where.
    """
    problems = check(rules, gazetteer(), at.astimezone(TEHRAN).date())
    return [locate(problem, Path(rules.id), {}) for problem in problems]
