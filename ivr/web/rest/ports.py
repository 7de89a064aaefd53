"""What the API needs from the rest of the program, given by argument.

Every method raises StoreError where the database is away, Missing for what is not there or lies
outside the bearer's reach, NotAllowed for a province that is named and out of it, BadInput for what
cannot be. The scope has been checked before. What writes returns once it is on disk; where it may
answer `Spooled`, the database was away and it waits on the line's own disk.
"""

from typing import Protocol

from ivr.bearers import Bearer
from ivr.floor_acts import ActKind, PauseReason
from ivr.model import CallId, CounsellorId, ProvinceId
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.web.rest import calls as records
from ivr.web.rest import others, referrals
from ivr.web.rest.fields import OfProvince, Spooled


class CallPorts(Protocol):
    """Calls and their forms; `key` makes a save that is repeated the same save."""

    async def calls(self, bearer: Bearer, asked: records.CallsAsked) -> records.CallPage: ...
    async def call(self, bearer: Bearer, call: CallId) -> records.CallAnswer: ...
    async def form(self, bearer: Bearer, call: CallId) -> records.FormAnswer: ...
    async def save_form(
        self, bearer: Bearer, call: CallId, form: OutcomeForm, key: str
    ) -> records.FormAnswer | Spooled: ...
    async def add_outcome(
        self, bearer: Bearer, call: CallId, item: OutcomeItem, key: str
    ) -> records.FormAnswer | Spooled: ...
    async def draft(self, bearer: Bearer, call: CallId) -> records.DraftAnswer: ...
    async def keep_draft(
        self, bearer: Bearer, call: CallId, form: OutcomeForm
    ) -> records.DraftAnswer: ...
    async def pending(self, bearer: Bearer, asked: OfProvince) -> records.PendingList: ...


class ReferralPorts(Protocol):
    """Dispatches, visits, follow-ups."""

    async def dispatches(
        self, bearer: Bearer, asked: referrals.DispatchesAsked
    ) -> referrals.DispatchPage: ...
    async def dispatch(self, bearer: Bearer, number: int) -> referrals.DispatchAnswer: ...
    async def request_dispatch(
        self, bearer: Bearer, new: referrals.NewDispatch, key: str
    ) -> referrals.DispatchAnswer | Spooled: ...
    async def step_dispatch(
        self, bearer: Bearer, number: int, step: referrals.NewStep, key: str
    ) -> referrals.DispatchAnswer | Spooled: ...
    async def visits(self, bearer: Bearer, asked: referrals.VisitsAsked) -> referrals.VisitPage: ...
    async def begin_visit(
        self, bearer: Bearer, new: referrals.NewVisit, key: str
    ) -> referrals.VisitAnswer | Spooled: ...
    async def end_visit(
        self, bearer: Bearer, number: int, end: referrals.VisitEnd, key: str
    ) -> referrals.VisitAnswer | Spooled: ...
    async def prolong_visit(
        self, bearer: Bearer, number: int, longer: referrals.VisitProlonged, key: str
    ) -> referrals.VisitAnswer | Spooled: ...
    async def follow_ups(
        self, bearer: Bearer, asked: referrals.FollowUpsAsked
    ) -> referrals.FollowUpPage: ...
    async def add_follow_up(
        self, bearer: Bearer, new: referrals.NewFollowUp, key: str
    ) -> referrals.FollowUpAnswer | Spooled: ...
    async def end_follow_up(
        self, bearer: Bearer, number: int, done: referrals.FollowUpDone, key: str
    ) -> referrals.FollowUpAnswer | Spooled: ...
    async def take_follow_up(
        self, bearer: Bearer, number: int, key: str
    ) -> referrals.FollowUpAnswer | Spooled: ...


class OtherPorts(Protocol):
    """Reports, the floor's people, rules."""

    async def report(self, bearer: Bearer, asked: others.ReportAsked) -> others.ReportAnswer: ...
    async def opened(self, bearer: Bearer, asked: others.OpenedAsked) -> others.OpenedPage: ...
    async def counsellors(self, bearer: Bearer, asked: OfProvince) -> others.CounsellorList: ...
    async def tell_floor(
        self,
        bearer: Bearer,
        kind: ActKind,
        counsellor: CounsellorId,
        *,
        reason: PauseReason,
        more_s: float,
    ) -> others.ActAnswer:
        """Raises Conflict where the running line has not taken it."""

    async def rules(self, bearer: Bearer) -> others.VersionList: ...
    async def rules_of(self, bearer: Bearer, province: ProvinceId) -> others.RulesAnswer: ...
    async def rules_history(self, bearer: Bearer, province: ProvinceId) -> others.VersionList: ...


class RestPorts(Protocol):
    """All of them, and whose secret one is."""

    @property
    def calls(self) -> CallPorts: ...
    @property
    def referrals(self) -> ReferralPorts: ...
    @property
    def others(self) -> OtherPorts: ...

    async def bearer(self, secret: str) -> Bearer | None:
        """None for a secret that opens nothing (any more)."""
