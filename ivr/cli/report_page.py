"""`ivr report --html` and `--pdf`: the page for people, with Persian names."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ivr.errors import BadInput
from ivr.report_names import names
from ivr.report_page.page import report_page
from ivr.report_page.pdf import print_pdf
from ivr.reports.figures import Report, Scope
from ivr.rules.counties import gazetteer
from ivr.rules.schema import ProvinceRules


def write_page(
    report: Report, rules: Sequence[ProvinceRules], html: Path | None, pdf: Path | None
) -> None:
    """Raises BadInput where a file cannot be written, LineError where no PDF could be made."""
    title = _title(report.scope, rules)
    page = report_page(
        report, names(rules, report.scope.province), title=title, made_at=datetime.now(UTC)
    )
    try:
        if html is not None:
            html.write_text(page, encoding="utf-8")
        if pdf is not None:
            print_pdf(page, pdf)
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be written ({error.strerror}).") from None


def _title(scope: Scope, rules: Sequence[ProvinceRules]) -> str:
    known = gazetteer()
    words = []
    if scope.county is not None:
        county = known.counties.get(scope.county)
        words.append(f"شهرستان {county.name_fa if county else scope.county}")
    if scope.province is not None:
        words.append(f"استان {known.provinces[scope.province].name_fa}")
    if scope.category is not None:
        words.append(
            names(rules, scope.province).fa.get(f"category.{scope.category}", scope.category)
        )
    if scope.desk is not None:
        words.append(f"میز {scope.desk}")
    if scope.counsellor is not None:
        words.append(f"کارشناس {scope.counsellor}")
    return "، ".join(words) or "همهٔ استان‌ها"
