"""Checks of what calls need: skills and languages that are known, levels that some centre gives."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from ivr.rules.findings import FieldPath, Problem
from ivr.rules.judging import ALL_COUNTIES, Subject, did_you_mean, twice, warning
from ivr.rules.routing import SkillKind
from ivr.rules.schema import Answering

_SKILL_IDS: FieldPath = ("skills", "*", "id")
_LEVELS: FieldPath = ("counties", "*", "centre", "levels")


def _named(subject: Subject) -> Iterator[tuple[FieldPath, str, str]]:
    """Where a skill is needed, which one, and by whom."""
    for index, category in enumerate(subject.rules.categories):
        for number, need in enumerate(category.skills):
            yield ("categories", index, "skills", number), need.skill, category.id
    for path, county in subject.counties():
        for number, language in enumerate(county.languages):
            yield (*path, "languages", number), language, county.id


def _skills(subject: Subject) -> Iterator[Problem]:
    known = {item.id: item for item in subject.rules.skills}
    yield from twice(
        (("skills", index, "id"), item.id) for index, item in enumerate(subject.rules.skills)
    )
    for _, needed in groupby(_named(subject), key=itemgetter(2)):
        yield from twice((path, skill) for path, skill, _ in needed)
    for path, skill, whose in _named(subject):
        if skill not in known:
            mend = did_you_mean(skill, known) if known else "Write it under 'skills'."
            message = (
                f"'{skill}' is no skill of these rules, so nobody can be said to have it and the "
                f"callers of {whose} would never get who they need. {mend}"
            )
            yield Problem(path=path, message=message, related=(_SKILL_IDS,))


def _languages(subject: Subject) -> Iterator[Problem]:
    subjects = {
        item.id: ("skills", index)
        for index, item in enumerate(subject.rules.skills)
        if item.kind is SkillKind.SUBJECT
    }
    for path, county in subject.counties():
        for number, language in enumerate(county.languages):
            if language in subjects:
                message = (
                    f"'{language}' is a subject and no language: every caller of {county.id} "
                    "would be kept for those who know it. Name a language, or write 'kind: "
                    f"language' at the skill {language}."
                )
                place = (*path, "languages", number)
                yield Problem(path=place, message=message, related=(subjects[language],))


def _levels(subject: Subject) -> Iterator[Problem]:
    rules = subject.rules
    given = [county.centre.levels for county in rules.counties if county.is_open]
    for index, category in enumerate(rules.categories):
        level, place = category.centre_level, ("categories", index, "centre_level")
        if level is None:
            continue
        if rules.answering is Answering.CENTRAL:
            message = (
                "one desk answers for the whole province, whatever its centres give, so this "
                "changes nothing for any caller. Remove it."
            )
            yield warning(place, message, ("answering",))
        elif given and all(levels and level not in levels for levels in given):
            message = (
                f"no open centre gives level {level}, so for {category.id} no county's own centre "
                "is rung and its callers go to the whole province at once. Write the level at "
                "the centres that give it, or remove it here."
            )
            yield warning(place, message, _LEVELS, *ALL_COUNTIES)


SKILL_CHECKS = (_skills, _languages, _levels)
