"""What one caller was told in one wait: so that a number never gets worse by being said again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ivr.expected_wait import Forecast, Withheld, minutes_for, seconds_of


@dataclass(slots=True)
class Heard:
    """`next_at` is when there is more to say; who `came_back` heard what nobody knows any more."""

    next_at: datetime
    came_back: bool = False
    times: int = 0
    place: int | None = None  # the smallest said
    said_until_at: datetime | None = None  # until then the wait was said to last
    told_longer: bool = False
    withheld: Withheld | None = None  # why the last announcement foresaw no wait

    def better_place(self, place: int) -> int | None:
        """The place, where it is better than the one said; it is taken as said then."""
        if self.came_back or (self.place is not None and place >= self.place):
            return None
        self.place = place
        return place

    def new_minutes(self, forecast: Forecast | Withheld, now: datetime) -> int | None:
        """What is enough, where that ends no later than what was said; it is taken as said then."""
        if self.told_longer or not isinstance(forecast, Forecast):
            return None
        minutes = minutes_for(forecast.safe_s)
        if minutes is None:
            return None
        until_at = now + timedelta(seconds=seconds_of(minutes))
        if self.said_until_at is not None and until_at > self.said_until_at:
            return None
        self.said_until_at = until_at
        return minutes

    def must_say_longer(self, forecast: Forecast | Withheld, now: datetime) -> bool:
        """Once: what was said is over, or will probably not do."""
        if self.said_until_at is None or self.told_longer:
            return False
        left_s = (self.said_until_at - now).total_seconds()
        likely_s = forecast.likely_s if isinstance(forecast, Forecast) else 0.0
        self.told_longer = left_s <= 0 or likely_s > left_s
        return self.told_longer
