"""Who calls on a simulated day, and how counsellors treat calls: everything that chance decides.

Each number is from one of the sources or an assumption; docs/simulated-day.md says which.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from ivr.dialplan.flow import Flow, Page
from ivr.model import Lane

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A province's calls: `a_day` as its source counts them; of all, a share may be `unrelated`."""

    a_day: float
    source: str
    unrelated: float = 0.0

    @property
    def all_a_day(self) -> float:
        return self.a_day / (1 - self.unrelated)


LOADS: dict[str, Load] = {
    "khuzestan": Load(a_day=43.0, source="15,700 calls in 1403"),
    "ilam": Load(a_day=22.0, source="about 8,000 calls in a year"),
    "south-khorasan": Load(
        a_day=17.1,
        source="1,588 related calls in the 93 days of spring 1400; 65 % of all are unrelated",
        unrelated=0.65,
    ),
    "qazvin": Load(a_day=15.3, source="1,883 calls in the 123 days to Shahrivar 1403"),
    "markazi": Load(
        a_day=17.0,
        source="no figure; as many for each inhabitant as in Qazvin (1.43 and 1.27 million, 1395)",
    ),
}

# Shares of a day's calls by hour, 00 to 23: few at night, most in the evening. An assumption.
HOURS = (2, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 5, 4, 4, 5, 6, 7, 7, 7, 6, 5, 4)

SILENT = 0.40  # who presses nothing: 1098 in India had 40 % silent calls in three years
WRONG_KEY = 0.04  # of presses
HUMAN = 0.15  # of presses: key 0
DANGER = 0.05  # of presses that could choose danger
COMES_BACK = 0.03  # key 1 after the closing sentence
LEAVES_ANYWHERE = 0.15  # hang up at a random instant of their first minutes, whatever goes on
LEAVES_WITHIN_S = 180.0
PATIENCE_S = 240.0  # the mean of those who give up waiting (exponential)
TALK_MEDIAN_S = 150.0  # log-normal: 82 % under 5 minutes (sources: 80 to 85 %)
TALK_SIGMA = 0.757
SHORT_TALK_S = (15.0, 60.0)  # of silent and of unrelated calls
CALLER_ENDS = 0.6  # of talks
MOBILE, ANONYMOUS = 0.7, 0.05  # of callers; the rest call from a landline

NOT_ANSWERED, REJECTED, BUSY, DECLINED = 0.05, 0.02, 0.01, 0.01  # of offers
ANSWER_S = (2.0, 9.0)
DEVICE_LOST_EVERY_S = 1.5 * DAY_S  # for each device (exponential)
DEVICE_AWAY_S = (30.0, 900.0)
SHIFTS_S = ((7 * HOUR_S, 14 * HOUR_S), (14 * HOUR_S, 21 * HOUR_S), (21 * HOUR_S, 31 * HOUR_S))
OVERLAP_S = 600.0  # how long before a shift people come and after it go, at most


def arrivals(load: Load, factor: float, hours: float, rng: Random) -> Iterator[float]:
    """Instants of calls in seconds of the day: a Poisson process with the profile of HOURS."""
    most = max(HOURS) / sum(HOURS) * load.all_a_day * factor / HOUR_S
    at = 0.0
    while (at := at + rng.expovariate(most)) < hours * HOUR_S:
        if rng.random() < HOURS[int(at // HOUR_S) % 24] / max(HOURS):
            yield at


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerPlan:
    """What one caller will do; their keys are chosen when they are asked."""

    number: str
    silent: bool
    talk_s: float
    ends_talk: bool
    leaves_after_s: float | None  # wherever the call is then
    gives_up_after_s: float  # unless they talk


def caller_plan(load: Load, area_code: str, rng: Random) -> CallerPlan:
    silent = rng.random() < SILENT
    short = silent or rng.random() < load.unrelated
    return CallerPlan(
        number=_number(area_code, rng),
        silent=silent,
        talk_s=rng.uniform(*SHORT_TALK_S) if short else talk_length_s(rng),
        ends_talk=rng.random() < CALLER_ENDS,
        leaves_after_s=rng.uniform(0, LEAVES_WITHIN_S) if rng.random() < LEAVES_ANYWHERE else None,
        gives_up_after_s=30.0 + rng.expovariate(1 / PATIENCE_S),
    )


def talk_length_s(rng: Random) -> float:
    return rng.lognormvariate(math.log(TALK_MEDIAN_S), TALK_SIGMA)


def _number(area_code: str, rng: Random) -> str:
    kind = rng.random()
    if kind < ANONYMOUS:
        return ""
    if kind < ANONYMOUS + MOBILE:
        return f"09{rng.randrange(10**8, 4 * 10**8)}"
    return f"{area_code}3{rng.randrange(10**7):07}"


def chosen_key(flow: Flow, prompts: Sequence[str], rng: Random) -> str | None:
    """The key that somebody presses who hears these prompts; None where they let it be."""
    if tuple(prompts[-len(flow.closing) :]) == flow.closing:
        return flow.come_back_key if rng.random() < COMES_BACK else None
    page = _page(flow, prompts)
    if page is None:
        return None
    if rng.random() < WRONG_KEY:
        return "*"
    if rng.random() < HUMAN and "0" in page.answers:
        return "0"
    danger = [key for key, answer in page.answers.items() if _is_danger(answer.facts)]
    if danger and rng.random() < DANGER:
        return danger[0]
    return rng.choice([key for key in page.answers if key not in {*danger, "0"}])


def _is_danger(facts: object) -> bool:
    return isinstance(facts, dict) and Lane.DANGER.name.lower() in facts.values()


def _page(flow: Flow, prompts: Sequence[str]) -> Page | None:
    """The page whose prompts these are, asked again after a wrong key or not."""
    for question in flow.questions:
        for page in question.pages:
            if tuple(prompts[-len(page.prompts) :]) == tuple(page.prompts):
                return page
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a counsellor does with one offer."""

    kind: str  # answered, rona, rejected, busy, declined
    after_s: float


def reaction(rng: Random) -> Reaction:
    after_s, chance = rng.uniform(*ANSWER_S), rng.random()
    for kind, share in (
        ("rona", NOT_ANSWERED),
        ("rejected", REJECTED),
        ("busy", BUSY),
        ("declined", DECLINED),
    ):
        if chance < share:
            return Reaction(kind=kind, after_s=0.1 if kind == "busy" else after_s)
        chance -= share
    return Reaction(kind="answered", after_s=after_s)


def presences(position: int, hours: float, rng: Random) -> Iterator[tuple[float, float]]:
    """When the counsellor at this position of the roster is logged in, in seconds of the day.

    Each works two of three shifts, so that two people are enough for somebody at every hour.
    """
    logged_in: tuple[float, float] | None = None
    for day in range(-1, math.ceil(hours / 24) + 1):
        for shift, (begins, ends) in enumerate(SHIFTS_S):
            if (position + day) % 3 == shift:
                continue
            early, late = rng.uniform(0, OVERLAP_S), rng.uniform(0, OVERLAP_S)
            begins_at, ends_at = day * DAY_S + begins - early, day * DAY_S + ends + late
            if logged_in and begins_at <= logged_in[1]:  # stays for the next shift
                logged_in = (logged_in[0], ends_at)
                continue
            if logged_in:
                yield logged_in
            logged_in = (begins_at, ends_at)
    if logged_in:
        yield logged_in


def losses(hours: float, rng: Random) -> Iterator[tuple[float, float]]:
    """When a device dies without a word, and for how long."""
    at = 0.0
    while (at := at + rng.expovariate(1 / DEVICE_LOST_EVERY_S)) < hours * HOUR_S:
        yield at, rng.uniform(*DEVICE_AWAY_S)
