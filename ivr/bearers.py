"""Who asks by a token: never more than its maker may do now, within its scopes and its province."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ivr.errors import NotAllowed
from ivr.people import Person
from ivr.rights import Action, may, narrowed, reach
from ivr.tokens import Scope, Token

ACTION_OF: Final[Mapping[Scope, Action]] = {
    Scope.CALLS_READ: Action.CALL_READ,
    Scope.OUTCOMES_READ: Action.OUTCOME_READ,
    Scope.OUTCOMES_WRITE: Action.OUTCOME_WRITE,
    Scope.REFERRALS_READ: Action.REFERRAL_READ,
    Scope.REFERRALS_WRITE: Action.REFERRAL_WRITE,
    Scope.REPORTS_READ: Action.REPORT_READ,
    Scope.FLOOR_WRITE: Action.FLOOR_OTHERS,
    Scope.COUNSELLORS_READ: Action.DUTY_READ,
    Scope.RULES_READ: Action.RULES_READ,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """`person` has the token's name and what is left of the maker's roles in its province."""

    token: Token
    person: Person
    scopes: frozenset[Scope]
    at: datetime  # when it was asked

    @property
    def acts_as(self) -> str:
        """How records name it."""
        return self.token.acts_as

    def may(self, scope: Scope) -> bool:
        """Whether it may this anywhere; where, the records' own rows say."""
        return scope in self.scopes


def bearer(token: Token, maker: Person | None, now: datetime) -> Bearer | None:
    """None where the maker is gone or disabled: then the token opens nothing."""
    if maker is None or not maker.enabled:
        return None
    person = narrowed(maker, token.acts_as, token.province, now)
    scopes = frozenset(one for one in token.scopes if reach(person, ACTION_OF[one], now))
    return Bearer(token=token, person=person, scopes=scopes, at=now)


def check_maker(token: Token, maker: Person, now: datetime) -> None:
    """Raises NotAllowed where a token would be given more than its maker may do."""
    for scope in sorted(token.scopes):
        action = ACTION_OF[scope]
        if not may(maker, action, province=token.province, now=now):
            raise NotAllowed(
                f"{maker.id} may not do this ({action}) for {token.province or 'all provinces'}, "
                f"so a token of theirs may not either ({scope}). Nothing was saved. Leave the "
                "scope out, or ask somebody whose role it is to make it (`ivr people list`)."
            )
