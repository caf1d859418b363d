"""What may be asked of a line and when: pure."""

from __future__ import annotations

import re
from enum import StrEnum

KEYS = re.compile(r"[0-9*#]{1,12}", re.ASCII)


class Verb(StrEnum):
    """What an operator asks of the line."""

    MUTE = "mute"
    UNMUTE = "unmute"
    HOLD = "hold"
    RESUME = "resume"
    KEYS = "keys"
    CONSULT = "consult"  # the debtor on hold, an officer called into the operator's room
    JOIN = "join"  # all three
    TAKE_BACK = "take_back"  # the officer goes, the debtor comes back
    HAND_OVER = "hand_over"  # officer and debtor stay, the operator goes
    CLOSE_LEG = "close_leg"  # the page's own wish: a leg that its phone has lost


class Talk(StrEnum):
    """States of a talk with an officer."""

    CALLING = "calling"
    TALKING = "talking"
    JOINED = "joined"
    HANDED_OVER = "handed_over"
    ENDED = "ended"


ALLOWED_IN: dict[Verb, frozenset[Talk | None]] = {
    Verb.MUTE: frozenset({None, Talk.CALLING, Talk.TALKING, Talk.JOINED}),
    Verb.UNMUTE: frozenset({None, Talk.CALLING, Talk.TALKING, Talk.JOINED}),
    Verb.HOLD: frozenset({None, Talk.JOINED}),
    Verb.RESUME: frozenset({None}),  # in a private talk, joining or taking back says who shall hear whom
    Verb.KEYS: frozenset({None, Talk.JOINED}),
    Verb.CONSULT: frozenset({None}),
    Verb.JOIN: frozenset({Talk.TALKING}),
    Verb.TAKE_BACK: frozenset({Talk.CALLING, Talk.TALKING, Talk.JOINED}),
    Verb.HAND_OVER: frozenset({Talk.TALKING, Talk.JOINED}),  # never before the officer has answered
    Verb.CLOSE_LEG: frozenset(),
}


def may_ask(verb: Verb, talk: Talk | None) -> bool:
    """Whether `verb` makes sense now; `talk` is the open talk with an officer, if there is one."""
    return talk in ALLOWED_IN[verb]
