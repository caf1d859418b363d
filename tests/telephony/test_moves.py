"""Moving channels: Asterisk refuses to move one that has not carried out the move before."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dialer.telephony.asterisk import controls
from dialer.telephony.asterisk.link import Answer
from dialer.telephony.errors import CarrierRefused

NOT_UP = "Redirect failed, channel not up."


class Asterisk:
    """Refuses the first moves with these words, as a real one did whose caller was told their place as an operator became free."""

    def __init__(self, *refusals: str) -> None:
        self.refusals, self.moves = list(refusals), 0

    def ask(self, name: str, keys: Mapping[str, str], variables: Mapping[str, str] | None = None, *, action_id: str = "") -> Answer:
        if name != "Redirect":
            return Answer(False, "", {})
        self.moves += 1
        message = self.refusals.pop(0) if self.refusals else ""
        return Answer(bool(message), message, {})


def test_a_channel_that_is_still_moving_is_moved_after_that() -> None:
    asterisk = Asterisk(NOT_UP, NOT_UP)
    controls.join(asterisk, "o1-in-1", "o1-leg-1")
    assert asterisk.moves == 3


@pytest.mark.parametrize(("refusals", "moves"), [((NOT_UP,) * 99, 11), (("No such channel",) * 2, 1)])
def test_a_channel_that_is_gone_is_refused(refusals: tuple[str, ...], moves: int) -> None:
    asterisk = Asterisk(*refusals)
    with pytest.raises(CarrierRefused):
        controls.join(asterisk, "o1-in-1", "o1-leg-1")
    assert asterisk.moves == moves
