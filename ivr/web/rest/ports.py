"""What the API needs from the rest of the program, given by argument.

Every method raises StoreError where the database is away, Missing for what is not there or lies
outside the token's province, NotAllowed for a province that is named and not the token's, BadInput
for what cannot be. The scope has been checked before. What writes returns once it is on disk.
"""

from typing import Protocol

from ivr.floor_acts import ActKind, PauseReason
from ivr.model import CallId, CounsellorId, ProvinceId
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.tokens import Token
from ivr.web.rest import calls as records
from ivr.web.rest import others, referrals
from ivr.web.rest.fields import OfProvince


class CallPorts(Protocol):
    """Calls and their forms; `key` makes a save that is repeated the same save."""

    async def calls(self, token: Token, asked: records.CallsAsked) -> records.CallPage: ...
    async def call(self, token: Token, call: CallId) -> records.CallAnswer: ...
    async def form(self, token: Token, call: CallId) -> records.FormAnswer: ...
    async def save_form(
        self, token: Token, call: CallId, form: OutcomeForm, key: str
    ) -> records.FormAnswer: ...
    async def add_outcome(
        self, token: Token, call: CallId, item: OutcomeItem, key: str
    ) -> records.FormAnswer: ...
    async def draft(self, token: Token, call: CallId) -> records.DraftAnswer: ...
    async def keep_draft(
        self, token: Token, call: CallId, form: OutcomeForm
    ) -> records.DraftAnswer: ...
    async def pending(self, token: Token, asked: OfProvince) -> records.PendingList: ...


class ReferralPorts(Protocol):
    """Dispatches, visits, follow-ups."""

    async def dispatches(
        self, token: Token, asked: referrals.DispatchesAsked
    ) -> referrals.DispatchPage: ...
    async def dispatch(self, token: Token, number: int) -> referrals.DispatchAnswer: ...
    async def request_dispatch(
        self, token: Token, new: referrals.NewDispatch, key: str
    ) -> referrals.DispatchAnswer: ...
    async def step_dispatch(
        self, token: Token, number: int, step: referrals.NewStep
    ) -> referrals.DispatchAnswer: ...
    async def visits(self, token: Token, asked: referrals.VisitsAsked) -> referrals.VisitPage: ...
    async def begin_visit(
        self, token: Token, new: referrals.NewVisit, key: str
    ) -> referrals.VisitAnswer: ...
    async def end_visit(
        self, token: Token, number: int, end: referrals.VisitEnd
    ) -> referrals.VisitAnswer: ...
    async def follow_ups(
        self, token: Token, asked: referrals.FollowUpsAsked
    ) -> referrals.FollowUpPage: ...
    async def add_follow_up(
        self, token: Token, new: referrals.NewFollowUp, key: str
    ) -> referrals.FollowUpAnswer: ...
    async def end_follow_up(
        self, token: Token, number: int, done: referrals.FollowUpDone
    ) -> referrals.FollowUpAnswer: ...


class OtherPorts(Protocol):
    """Reports, the floor's people, rules."""

    async def report(self, token: Token, asked: others.ReportAsked) -> others.ReportAnswer: ...
    async def counsellors(self, token: Token, asked: OfProvince) -> others.CounsellorList: ...
    async def tell_floor(
        self,
        token: Token,
        kind: ActKind,
        counsellor: CounsellorId,
        *,
        reason: PauseReason,
        more_s: float,
    ) -> others.ActAnswer:
        """Raises Conflict where the running line has not taken it."""

    async def rules(self, token: Token) -> others.VersionList: ...
    async def rules_of(self, token: Token, province: ProvinceId) -> others.RulesAnswer: ...
    async def rules_history(self, token: Token, province: ProvinceId) -> others.VersionList: ...


class RestPorts(Protocol):
    """All of them, and whose secret one is."""

    @property
    def calls(self) -> CallPorts: ...
    @property
    def referrals(self) -> ReferralPorts: ...
    @property
    def others(self) -> OtherPorts: ...

    async def token(self, secret: str) -> Token | None:
        """None for a secret that opens nothing (any more)."""
