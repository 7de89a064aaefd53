"""All routes of the API, each with its policy. What is not here is not answered."""

from ivr.floor_acts import MORE_S, ActKind, PauseReason
from ivr.outcome_form import OutcomeForm, OutcomeItem
from ivr.tokens import Scope
from ivr.web.rest import calls, others, referrals
from ivr.web.rest.fields import OfProvince
from ivr.web.rest.ports import RestPorts
from ivr.web.rest.route import Ask, Asked, Route

_CALLS = (
    Route(
        method="GET",
        path="/calls",
        summary="Calls, the newest first",
        scope=Scope.CALLS_READ,
        query=calls.CallsAsked,
        answer=calls.CallPage,
        ask=lambda ports, it: ports.calls.calls(it.bearer, it.query),
    ),
    Route(
        method="GET",
        path="/calls/{call}",
        summary="One call",
        scope=Scope.CALLS_READ,
        answer=calls.CallAnswer,
        ask=lambda ports, it: ports.calls.call(it.bearer, it.path["call"]),
    ),
    Route(
        method="GET",
        path="/calls/{call}/form",
        summary="The form of a call that counts",
        scope=Scope.OUTCOMES_READ,
        answer=calls.FormAnswer,
        ask=lambda ports, it: ports.calls.form(it.bearer, it.path["call"]),
    ),
    *(
        Route(
            method=method,
            path="/calls/{call}/form",
            summary="Save the whole form of a call, in place of an earlier one",
            scope=Scope.OUTCOMES_WRITE,
            body=OutcomeForm,
            keyed=True,
            spooled=True,
            answer=calls.FormAnswer,
            status=201,
            ask=lambda ports, it: ports.calls.save_form(
                it.bearer, it.path["call"], it.body, it.key
            ),
        )
        for method in ("PUT", "POST")
    ),
    Route(
        method="POST",
        path="/calls/{call}/outcomes",
        summary="One outcome more; unrelated, silent, prank and test close the call by one touch",
        scope=Scope.OUTCOMES_WRITE,
        body=OutcomeItem,
        keyed=True,
        spooled=True,
        answer=calls.FormAnswer,
        status=201,
        ask=lambda ports, it: ports.calls.add_outcome(it.bearer, it.path["call"], it.body, it.key),
    ),
    Route(
        method="GET",
        path="/calls/{call}/draft",
        summary="The form of a call as far as it was filled in",
        scope=Scope.OUTCOMES_READ,
        answer=calls.DraftAnswer,
        ask=lambda ports, it: ports.calls.draft(it.bearer, it.path["call"]),
    ),
    Route(
        method="PUT",
        path="/calls/{call}/draft",
        summary="Keep a form as far as it is filled in; it is not checked",
        scope=Scope.OUTCOMES_WRITE,
        body=OutcomeForm,
        answer=calls.DraftAnswer,
        ask=lambda ports, it: ports.calls.keep_draft(it.bearer, it.path["call"], it.body),
    ),
    Route(
        method="GET",
        path="/pending",
        summary="Calls whose form is overdue, the oldest first",
        scope=Scope.OUTCOMES_READ,
        query=OfProvince,
        answer=calls.PendingList,
        ask=lambda ports, it: ports.calls.pending(it.bearer, it.query),
    ),
)

_REFERRALS = (
    Route(
        method="GET",
        path="/dispatches",
        summary="Trips of mobile teams, the newest first",
        scope=Scope.REFERRALS_READ,
        query=referrals.DispatchesAsked,
        answer=referrals.DispatchPage,
        ask=lambda ports, it: ports.referrals.dispatches(it.bearer, it.query),
    ),
    Route(
        method="GET",
        path="/dispatches/{number}",
        summary="One trip",
        scope=Scope.REFERRALS_READ,
        answer=referrals.DispatchAnswer,
        ask=lambda ports, it: ports.referrals.dispatch(it.bearer, it.path["number"]),
    ),
    Route(
        method="POST",
        path="/dispatches",
        summary="Ask for a trip, for a call or without one",
        scope=Scope.REFERRALS_WRITE,
        body=referrals.NewDispatch,
        keyed=True,
        spooled=True,
        answer=referrals.DispatchAnswer,
        status=201,
        ask=lambda ports, it: ports.referrals.request_dispatch(it.bearer, it.body, it.key),
    ),
    Route(
        method="POST",
        path="/dispatches/{number}/steps",
        summary="Say how a trip goes on; a step that is said twice changes nothing",
        scope=Scope.REFERRALS_WRITE,
        body=referrals.NewStep,
        keyed=True,
        spooled=True,
        answer=referrals.DispatchAnswer,
        ask=lambda ports, it: ports.referrals.step_dispatch(
            it.bearer, it.path["number"], it.body, it.key
        ),
    ),
    Route(
        method="GET",
        path="/visits",
        summary="Visits to crisis centres, the newest first",
        scope=Scope.REFERRALS_READ,
        query=referrals.VisitsAsked,
        answer=referrals.VisitPage,
        ask=lambda ports, it: ports.referrals.visits(it.bearer, it.query),
    ),
    Route(
        method="POST",
        path="/visits",
        summary="Enter an outpatient visit or an admission",
        scope=Scope.REFERRALS_WRITE,
        body=referrals.NewVisit,
        keyed=True,
        spooled=True,
        answer=referrals.VisitAnswer,
        status=201,
        ask=lambda ports, it: ports.referrals.begin_visit(it.bearer, it.body, it.key),
    ),
    Route(
        method="POST",
        path="/visits/{number}/end",
        summary="Say that a stay has ended, and how",
        scope=Scope.REFERRALS_WRITE,
        body=referrals.VisitEnd,
        keyed=True,
        spooled=True,
        answer=referrals.VisitAnswer,
        ask=lambda ports, it: ports.referrals.end_visit(
            it.bearer, it.path["number"], it.body, it.key
        ),
    ),
    Route(
        method="POST",
        path="/visits/{number}/prolong",
        summary="Give a stay another end; the audit trail says who, and until when",
        scope=Scope.REFERRALS_WRITE,
        body=referrals.VisitProlonged,
        keyed=True,
        spooled=True,
        answer=referrals.VisitAnswer,
        ask=lambda ports, it: ports.referrals.prolong_visit(
            it.bearer, it.path["number"], it.body, it.key
        ),
    ),
    Route(
        method="GET",
        path="/follow-ups",
        summary="Follow-ups and callers expected back, the latest due first",
        scope=Scope.REFERRALS_READ,
        query=referrals.FollowUpsAsked,
        answer=referrals.FollowUpPage,
        ask=lambda ports, it: ports.referrals.follow_ups(it.bearer, it.query),
    ),
    Route(
        method="POST",
        path="/follow-ups",
        summary="Put a call on the list of follow-ups",
        scope=Scope.REFERRALS_WRITE,
        body=referrals.NewFollowUp,
        keyed=True,
        spooled=True,
        answer=referrals.FollowUpAnswer,
        status=201,
        ask=lambda ports, it: ports.referrals.add_follow_up(it.bearer, it.body, it.key),
    ),
    Route(
        method="POST",
        path="/follow-ups/{number}/done",
        summary="Take a follow-up off the list; the first word on it stays",
        scope=Scope.REFERRALS_WRITE,
        body=referrals.FollowUpDone,
        keyed=True,
        spooled=True,
        answer=referrals.FollowUpAnswer,
        ask=lambda ports, it: ports.referrals.end_follow_up(
            it.bearer, it.path["number"], it.body, it.key
        ),
    ),
    Route(
        method="POST",
        path="/follow-ups/{number}/taken",
        summary="Take a follow-up over from an earlier shift; the audit trail says who, from whom",
        scope=Scope.REFERRALS_WRITE,
        keyed=True,
        spooled=True,
        answer=referrals.FollowUpAnswer,
        ask=lambda ports, it: ports.referrals.take_follow_up(it.bearer, it.path["number"], it.key),
    ),
)

_OTHERS = (
    Route(
        method="GET",
        path="/reports",
        summary="The figures of a period beside those of the one before",
        scope=Scope.REPORTS_READ,
        query=others.ReportAsked,
        answer=others.ReportAnswer,
        ask=lambda ports, it: ports.others.report(it.bearer, it.query),
    ),
    Route(
        method="GET",
        path="/reports/opened",
        summary="What a figure of a report counts, one by one",
        scope=Scope.CALLS_READ,
        query=others.OpenedAsked,
        answer=others.OpenedPage,
        ask=lambda ports, it: ports.others.opened(it.bearer, it.query),
    ),
    Route(
        method="GET",
        path="/counsellors",
        summary="Who sits at which desk, and in which state",
        scope=Scope.COUNSELLORS_READ,
        query=OfProvince,
        answer=others.CounsellorList,
        ask=lambda ports, it: ports.others.counsellors(it.bearer, it.query),
    ),
    Route(
        method="GET",
        path="/rules",
        summary="Which version of the rules is in force in each province",
        scope=Scope.RULES_READ,
        answer=others.VersionList,
        ask=lambda ports, it: ports.others.rules(it.bearer),
    ),
    Route(
        method="GET",
        path="/rules/{province}",
        summary="A province's rules as they are in force",
        scope=Scope.RULES_READ,
        answer=others.RulesAnswer,
        ask=lambda ports, it: ports.others.rules_of(it.bearer, it.path["province"]),
    ),
    Route(
        method="GET",
        path="/rules/{province}/history",
        summary="All versions of a province's rules, the oldest first",
        scope=Scope.RULES_READ,
        answer=others.VersionList,
        ask=lambda ports, it: ports.others.rules_history(it.bearer, it.path["province"]),
    ),
)


def _telling(kind: ActKind) -> Ask:
    async def ask(ports: RestPorts, it: Asked) -> others.ActAnswer:
        reason = it.body.reason if isinstance(it.body, others.PauseAsked) else PauseReason.BREAK
        more_s = it.body.more_s if isinstance(it.body, others.MoreAsked) else MORE_S
        return await ports.others.tell_floor(
            it.bearer, kind, it.path["counsellor"], reason=reason, more_s=more_s
        )

    return ask


_ACTS = (
    (ActKind.PAUSE, others.PauseAsked, "Ring a counsellor no more, at once"),
    (ActKind.PAUSE_AFTER_CALL, others.PauseAsked, "Ring a counsellor no more after this call"),
    (ActKind.RESUME, others.Nothing, "End a counsellor's pause"),
    (ActKind.GRANT_BREAK, others.Nothing, "Let a counsellor rest after this call"),
    (ActKind.EXTEND_WRAP_UP, others.MoreAsked, "Give a counsellor more time to write"),
    (ActKind.END_WRAP_UP, others.Nothing, "End a counsellor's wrap-up"),
)

ROUTES = (
    *_CALLS,
    *_REFERRALS,
    *_OTHERS,
    *(
        Route(
            method="POST",
            path=f"/counsellors/{{counsellor}}/{kind.replace('_', '-')}",
            summary=summary,
            scope=Scope.FLOOR_WRITE,
            body=body,
            answer=others.ActAnswer,
            ask=_telling(kind),
        )
        for kind, body, summary in _ACTS
    ),
)
