"""What a campaign's status may become."""

from __future__ import annotations

from enum import StrEnum

from callcenter.core.errors import Conflict


class CampaignStatus(StrEnum):
    """Only a running campaign is dialled and has its messages released."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"


TRANSITIONS: dict[CampaignStatus, frozenset[CampaignStatus]] = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.RUNNING, CampaignStatus.FINISHED}),
    CampaignStatus.RUNNING: frozenset({CampaignStatus.PAUSED, CampaignStatus.FINISHED}),
    CampaignStatus.PAUSED: frozenset({CampaignStatus.RUNNING, CampaignStatus.FINISHED}),
    CampaignStatus.FINISHED: frozenset(),
}


def move(present: CampaignStatus, wanted: CampaignStatus) -> bool:
    """Whether there is anything to do; asking for the present status again is not an error.

    Raises:
        Conflict: this status can't follow.
    """
    if present is wanted:
        return False
    if wanted not in TRANSITIONS[present]:
        possible = ", ".join(sorted(TRANSITIONS[present])) or "nothing"
        raise Conflict(f"The campaign is {present}; it can't become {wanted}.", hint=f"Possible now: {possible}.")
    return True
