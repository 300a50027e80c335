"""Time as whole numbers: days and seconds since an epoch before all seeds.

Whole numbers fit compact arrays; dates are made when a block is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

MINUTE, HOUR, DAY = 60, 3_600, 86_400
TODAY = 2_200
"""The as-of day; day 0 is about six years earlier."""

_AHEAD = 120  # due dates and expiry dates reach beyond the as-of day


@dataclass(frozen=True)
class Clock:
    """Days and seconds of a run, relative to its as-of day."""

    as_of: date

    @cached_property
    def epoch(self) -> datetime:
        """Second 0."""
        return datetime.combine(self.as_of, time()) - timedelta(days=TODAY)

    @cached_property
    def _days(self) -> list[date]:
        first = self.epoch.date()
        return [first + timedelta(days=day) for day in range(TODAY + _AHEAD)]

    def weekday(self, day: int) -> int:
        """The day of the week, from 0 for Monday."""
        return (self.as_of.weekday() + day - TODAY) % 7

    def working_day(self, day: int) -> int:
        """The day itself, or the Friday before a weekend."""
        return day - max(0, self.weekday(day) - 4)

    def leap_day(self, latest: int) -> int:
        """The last 29 February until a day; the day itself, if there was none."""
        days = range(latest, 0, -1)
        return next((n for n in days if (self.date(n).month, self.date(n).day) == (2, 29)), latest)

    def dates(self, days: Iterable[int]) -> list[date | None]:
        """The dates of day numbers; None for 0, which has not happened."""
        dates = self._days
        return [dates[day] if day else None for day in days]

    def date(self, day: int) -> date:
        return self._days[day]

    def moments(self, seconds: Iterable[int]) -> list[datetime | None]:
        """The points in time of second numbers; None for 0, which has not happened."""
        epoch = self.epoch
        return [epoch + timedelta(0, second) if second else None for second in seconds]
