"""What differs between two versions of a province's rules, in words that an admin understands."""

from dataclasses import dataclass

from ivr.rules.changes import Plain, changes
from ivr.rules.diff_words import Seen, affected_by, field_of, sentence_of
from ivr.rules.schema import ProvinceRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference; `field` as `counties[markazi-saveh].centre.state`, values as in JSON.

    `affects` says in a few words who notices; empty where it is not known.
    """

    field: str
    old: Plain
    new: Plain
    text: str
    affects: str = ""

    def __str__(self) -> str:
        return f"{self.text} (affects {self.affects})" if self.affects else self.text


def differences(old: ProvinceRules, new: ProvinceRules) -> tuple[Difference, ...]:
    """All differences, in the order of the rules' fields; none exactly where they are equal."""
    found = changes(old.model_dump(mode="json"), new.model_dump(mode="json"))
    return tuple(_difference(Seen(change, old, new)) for change in found)


def _difference(seen: Seen) -> Difference:
    return Difference(
        field=field_of(seen.change.path),
        old=seen.change.old,
        new=seen.change.new,
        text=sentence_of(seen),
        affects=affected_by(seen),
    )
