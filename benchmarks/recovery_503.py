"""A minute in which the carrier answers 503 to everybody, and what comes after it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from sqlalchemy import select

from benchmarks.recovery_watch import LOOK_EVERY
from callcenter.core.db import transaction
from campaigns.attempts.models import Attempt
from campaigns.worklist.models import WorkItem
from dialer.trunk import TRUNK_FAILING
from tests.telephony.sipp import Behaviour
from tests.telephony.stand import PHONES, Stand
from tests.telephony.switch import SwitchedRig

MINUTE = 60.0


def minute_of_503(stand: Stand, seconds: float = MINUTE) -> dict[str, Any]:
    """See `benchmarks.recovery`. Raises AssertionError when somebody was dialled twice, or nobody was told."""
    assert isinstance(stand.rig, SwitchedRig)
    stand.rig.refuse_everybody(is_refusing=True)
    stand.open_office([Behaviour.ANSWERS] * 60)
    stand.be_dialled()
    began, looks, free, told_at = time.monotonic(), 0, 0, None
    while (passed := time.monotonic() - began) < seconds:
        states, looks = stand.states(), looks + 1
        free += states == Counter(ready=len(PHONES))
        if told_at is None and stand.dialer is not None and stand.attempts() and stand.problem() == TRUNK_FAILING:
            told_at = passed
        time.sleep(LOOK_EVERY)
    tried = len(stand.attempts())
    stand.rig.refuse_everybody(is_refusing=False)
    back = time.monotonic()
    stand.wait(lambda: stand.states()["talking"] >= 1, "somebody reached")
    first = time.monotonic() - back
    stand.wait(lambda: stand.states()["talking"] == len(PHONES), "everybody at work")
    every = time.monotonic() - back
    refused, numbers = Counter(stand.rig.refused()), stand.numbers()
    reached = stand.invited()
    twice = [number for number, count in zip(numbers, reached, strict=True) if count + refused[number] > 1]
    assert not twice, f"{len(twice)} were dialled twice"
    assert told_at is not None, "nobody was told that the trunk fails"
    with transaction(stand.office_id) as session:
        failed = session.scalars(select(Attempt).where(Attempt.line_result == "failed").order_by(Attempt.id)).all()
        gaps = [
            (item.not_before - attempt.began_at).total_seconds()
            for attempt in failed
            for item in session.scalars(select(WorkItem).where(WorkItem.id == attempt.work_item_id)).all()
        ]
    assert len(failed) >= tried, "an attempt that failed is on record as something else"
    stand.wait(lambda: stand.hang_up_everybody() and stand.states()["wrap_up"] == len(PHONES), "results owed")
    stand.close_office()
    stand.wait(lambda: stand.live_channels() == frozenset(), "the end of every channel")
    return {
        "seconds": seconds,
        "people": len(numbers),
        "tried_in_vain": len(failed),
        "dialled_twice": 0,
        "again_not_before_s": round(min(gaps), 0),
        "told_after_s": round(told_at, 1),
        "operators_all_free_share": round(free / looks, 3),
        "first_reached_s": round(first, 1),
        "all_talk_again_s": round(every, 1),
    }
