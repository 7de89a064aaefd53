"""Checks of the steps by which a waiting call is widened: each must add somebody, the last a human.

The last circles must be a whole province, named desks or people on call: whatever fails before, a
call ends there (design §2, promise 5).
"""

from collections.abc import Iterator

from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import ALL_COUNTIES, Subject, did_you_mean, twice, warning
from ivr.rules.routing import DEFAULT_STEPS, Ring, StepRule
from ivr.rules.schema import Answering, CentreState, County

LONGEST_BEFORE_PROVINCE_S = 120.0  # ours: most callers have hung up by then
_STEPS: FieldPath = ("steps",)
_LAST = (Ring.PROVINCE, Ring.DESKS, Ring.ON_CALL)
_OF_THE_PROVINCE = (Ring.OWN, Ring.SUPPORTING, Ring.NEIGHBOURS, Ring.PROVINCIAL)
_SUPPORTING: FieldPath = ("counties", "*", "supporting")


def _steps(subject: Subject) -> Iterator[tuple[FieldPath, StepRule]]:
    for index, step in enumerate(subject.rules.steps):
        yield ("steps", index), step


def _province_at(subject: Subject) -> int | None:
    rings = [step.ring for step in subject.rules.steps]
    return rings.index(Ring.PROVINCE) if Ring.PROVINCE in rings else None


def _ends_at_a_human(subject: Subject) -> Iterator[Problem]:
    steps = subject.rules.steps
    if _province_at(subject) is None:
        message = (
            "no step rings the whole province, so a call whose centres are closed or empty would "
            "end at nobody. Add '{ring: province}' after the nearer circles."
        )
        yield Problem(path=_STEPS, message=message, related=(_STEPS,))
    elif steps[-1].ring not in _LAST:
        message = (
            f"the last step is '{steps[-1].ring}', which may be nobody at all: a call would stop "
            "there. End with province, with desks or with on_call."
        )
        place = ("steps", len(steps) - 1, "ring")
        yield Problem(path=place, message=message, related=(_STEPS,))


def _each_once(subject: Subject) -> Iterator[Problem]:
    yield from twice(
        ((*path, "ring"), step.ring)
        for path, step in _steps(subject)
        if step.ring is not Ring.DESKS
    )
    yield from twice(
        ((*path, "desks", index), desk)
        for path, step in _steps(subject)
        for index, desk in enumerate(step.desks)
    )


def _named_desks(subject: Subject) -> Iterator[Problem]:
    known = {*subject.known.counties, *subject.known.provinces}
    for path, step in _steps(subject):
        place = (*path, "desks")
        if step.desks and step.ring is not Ring.DESKS:
            message = (
                f"'ring: {step.ring}' rings its own circle, so no call would reach these desks. "
                "Write 'ring: desks' as a step of its own, or remove them."
            )
            yield Problem(path=place, message=message, related=((*path, "ring"),))
        elif step.ring is Ring.DESKS and not step.desks:
            message = (
                "no desk is named, so the step would ring nobody. Name the desks: a county's or a "
                "province's id each."
            )
            yield Problem(path=path, message=message, related=(path,))
        for index, desk in enumerate(step.desks):
            if desk not in known:
                message = (
                    f"'{desk}' is no county of Iran and no province, so nobody could be rung "
                    f"there. {did_you_mean(desk, known)}"
                )
                yield Problem(path=(*place, index), message=message)


def _skilled_alone(subject: Subject) -> Iterator[Problem]:
    rules = subject.rules
    needed = any(item.skills for item in rules.categories) or any(
        item.languages for item in rules.counties
    )
    for path, step in _steps(subject):
        place = (*path, "skilled_s")
        if step.skilled_s > step.lasts_s:
            message = (
                f"those with the skills would be rung alone for {step.skilled_s:g} s in a step "
                f"of {step.lasts_s:g} s: nobody else of it would ever be asked in time. Write "
                f"{step.lasts_s:g} or less."
            )
            yield Problem(path=place, message=message, related=((*path, "lasts_s"),))
        elif step.skilled_s and not needed:
            message = (
                "no category needs a skill and no county a language, so nobody goes first and "
                "this changes nothing. Write 'skills' at the categories, or remove it."
            )
            related = (("categories", "*", "skills"), ("counties", "*", "languages"))
            yield warning(place, message, *related)


# ------------------------------------------------------------- steps that never apply


def _never_apply(subject: Subject) -> Iterator[Problem]:
    """The common steps are meant for every kind of province: of them that is not told."""
    if subject.rules.steps == DEFAULT_STEPS:
        return
    province = _province_at(subject)
    for index, (path, step) in enumerate(_steps(subject)):
        place = (*path, "ring")
        if province is not None and index > province and _only_again(subject, step):
            message = (
                "the whole province has been rung before this step, so it adds nobody. Put it "
                "before 'ring: province', or remove it."
            )
            yield warning(place, message, _STEPS)
        elif why := _why_empty(subject, step.ring):
            yield warning(
                place,
                f"{why}, so this step adds nobody for any caller. Remove it.",
                _STEPS,
                ("answering",),
                _SUPPORTING,
                *ALL_COUNTIES,
            )


def _only_again(subject: Subject, step: StepRule) -> bool:
    """Whether everybody of the step is of the province."""
    own = set(subject.rules.all_desks)
    return step.ring in _OF_THE_PROVINCE or bool(step.desks and own.issuperset(step.desks))


def _why_empty(subject: Subject, ring: Ring) -> str:
    """Why the circle is empty for every county; empty where it is not, or where nobody knows."""
    rules = subject.rules
    if rules.answering is Answering.CENTRAL:
        return {
            Ring.SUPPORTING: "one desk answers for all counties",
            Ring.NEIGHBOURS: "one desk answers for all counties",
            Ring.PROVINCIAL: "the provincial desk is everybody's own one here",
        }.get(ring, "")
    if any(item.centre.state is CentreState.UNKNOWN for item in rules.counties):
        return ""
    if ring is Ring.SUPPORTING and not any(item.supporting for item in rules.counties):
        return "no county names a supporting one"
    if ring is Ring.NEIGHBOURS and not any(_open_beside(subject, item) for item in rules.counties):
        return "no county has an open centre next to it"
    return ""


def _open_beside(subject: Subject, county: County) -> bool:
    known = (subject.rules.county(item) for item in county.neighbours)
    return any(item is not None and item.is_open for item in known)


# -------------------------------------------------------------------------- long waits


def _wait_for_the_province(subject: Subject) -> Iterator[Problem]:
    province = _province_at(subject)
    if not province:
        return
    before = subject.rules.steps[:province]
    waits = [(_most_s(before, county), county.id) for county in subject.rules.counties]
    longest_s, county = max(waits, key=lambda item: item[0])
    if longest_s > LONGEST_BEFORE_PROVINCE_S:
        message = (
            f"a caller of {county} may wait {longest_s:g} s for the nearer desks before anybody "
            f"else of the province is rung; most hang up by then. Shorten the steps before it to "
            f"{LONGEST_BEFORE_PROVINCE_S:g} s together, or put it earlier."
        )
        yield warning(("steps", province, "ring"), message, _STEPS, _SUPPORTING)


def _most_s(before: tuple[StepRule, ...], county: County) -> float:
    """Each supporting county is a circle of its own and has the step's time to itself."""
    return sum(
        step.lasts_s * (len(county.supporting) if step.ring is Ring.SUPPORTING else 1)
        for step in before
    )


STEP_CHECKS = (
    _ends_at_a_human,
    _each_once,
    _named_desks,
    _skilled_alone,
    _never_apply,
    _wait_for_the_province,
)
