"""A dry run in words: whom other rules would meet, what they would notice, and how sure it is."""

from collections.abc import Iterable, Iterator

from ivr.calendar import plain_minute
from ivr.cli.explain import SENTENCES
from ivr.dry_run.compare import FEW_CALLS, Change, Comparison, CountyFigures
from ivr.dry_run.replay import Served
from ivr.model import CallFacts
from ivr.model.plan import RoutePlan

UNKNOWN = "county not known"


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def county_name(facts_county: str | None) -> str:
    return facts_county or UNKNOWN


# --------------------------------------------------------------------------- counties


def worse_words(one: CountyFigures) -> str:
    """What gets worse in a county, each with what it means for callers."""
    return f"{county_name(one.county)} ({one.old.calls} calls): {'; '.join(_worse(one))}."


def _worse(one: CountyFigures) -> Iterator[str]:
    old, new = one.old, one.new
    if one.waits_longer:
        yield (
            f"one caller in twenty waits longer than {seconds(new.wait_p95_s)}, before longer than "
            f"{seconds(old.wait_p95_s)}: help begins later"
        )
    if one.less_near:
        yield (
            f"{new.answered_near} of {new.connected} are answered by the county's own or a "
            f"supporting desk, before {old.answered_near} of {old.connected}: others must find out "
            "what help there is near the caller"
        )
    if one.more_abandoned:
        yield (
            f"{new.abandoned} give up before anybody answers, before {old.abandoned}: nobody "
            "knows what they needed"
        )


def few_words(found: Iterable[CountyFigures]) -> str:
    names = ", ".join(f"{county_name(one.county)} ({one.old.calls})" for one in found)
    return (
        f"Perhaps worse, perhaps by chance (in brackets the calls): {names}. More --days tell more."
    )


def warnings(comparison: Comparison) -> Iterator[str]:
    """How far the numbers may be trusted."""
    calls = comparison.old.calls
    if calls < FEW_CALLS:
        yield (
            f"Only {calls} calls: one more or less changes each share by "
            f"{100 / max(calls, 1):.0f} points. Read the calls, not the shares, or take "
            "more --days."
        )
    for name, figures in (("old", comparison.old), ("new", comparison.new)):
        if figures.nobody_on_duty:
            yield (
                f"{figures.nobody_on_duty} calls came, by the {name} rules, when nobody was there "
                "whom they could ring: those callers wait until somebody comes, or give up."
            )


# ------------------------------------------------------------------------------- calls


def change_words(change: Change) -> list[str]:
    """One call before and after, with the reasons of whoever is rung first."""
    old, new = change.old, change.new
    facts = old.call.facts
    lines = [
        f"{plain_minute(old.call.joined_at)}  {facts_words(facts)}",
        f"waits {_fate(old)} -> {_fate(new)}; rung first: {rung(old)} -> {rung(new)}",
    ]
    if change.plan:
        lines += [f"old: {'; '.join(why(old))}", f"new: {'; '.join(why(new))}"]
    else:
        lines.append("the same plan; others were free, because other calls go differently")
    return lines


def facts_words(facts: CallFacts) -> str:
    return f"{county_name(facts.county)}, {facts.category}, {facts.lane.name.lower()}"


def _fate(served: Served) -> str:
    return f"{served.wait_s:.0f} s{'' if served.is_connected else ' and gives up'}"


def rung(served: Served) -> str:
    return served.rung_first or "nobody"


def why(served: Served) -> list[str]:
    """The reasons of the plan's steps up to whoever was rung first, in `explain`'s words."""
    return [
        SENTENCES[reason.code].format(reason.subject)
        for step in served.plan.steps[: _reached(served.plan, served.rung_first) + 1]
        for reason in step.reasons
    ]


def _reached(plan: RoutePlan, counsellor: str | None) -> int:
    steps = enumerate(plan.steps)
    found = (index for index, step in steps if counsellor in step.counsellors)
    return next(found, len(plan.steps) - 1)
