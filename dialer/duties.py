"""What a dialer does for each of its offices, and what is to be looked at there next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dialer.placing import Places
from dialer.sharing import CampaignShare


@dataclass
class Duty:
    """What this dialer does for one office."""

    office_id: int
    shares: Sequence[CampaignShare] = ()
    has_news: bool = True  # something may be placed now
    has_wishes: bool = True  # somebody signed in, signed out or wants to hang up
    places: Places = field(default_factory=Places)
    waits_until: datetime | None = None  # somebody answered and waits for an operator until then
    looks_at: datetime | None = None  # looked at again then: odds change by themselves, and automated calls gather to leave together


class Duties(dict[int, Duty]):
    """The duties by office; `look_soon` is told when there is news in any of them."""

    def __init__(self, look_soon: Callable[[], None]) -> None:
        super().__init__()
        self._look_soon = look_soon

    def note_news(self, office_ids: Iterable[int], *, wishes: bool = False) -> bool:
        """Something happened in these offices, perhaps with wishes of operators; whether one of them is served here."""
        known = [self[office_id] for office_id in office_ids if office_id in self]
        for duty in known:
            duty.has_news = True
            duty.has_wishes = duty.has_wishes or wishes
        if known:
            self._look_soon()
        return bool(known)
