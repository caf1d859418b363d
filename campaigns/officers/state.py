"""What a case with the officers, and a request of theirs, may become."""

from __future__ import annotations

from enum import StrEnum


class CaseState(StrEnum):
    """open waits for an officer; returned waits on the supervisor's list; decided and taken are final."""

    OPEN = "open"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    DECIDED = "decided"
    TAKEN = "taken"


_C = CaseState
TRANSITIONS: dict[CaseState, frozenset[CaseState]] = {
    # decided at once: an officer may enter an instalment plan while the case still waits for one
    _C.OPEN: frozenset({_C.ACCEPTED, _C.RETURNED, _C.DECIDED}),
    # accepted again: a colleague takes it over; open: the officer lays it back for the others
    _C.ACCEPTED: frozenset({_C.ACCEPTED, _C.OPEN, _C.RETURNED, _C.DECIDED}),
    _C.RETURNED: frozenset({_C.TAKEN}),
    _C.DECIDED: frozenset(),
    _C.TAKEN: frozenset(),
}
WITH_OFFICERS = (CaseState.OPEN, CaseState.ACCEPTED)


class ReturnReason(StrEnum):
    """Why a case goes back to the contractor's supervisor."""

    NO_DECISION_NEEDED = "no_decision_needed"
    MORE_NEEDED = "more_needed"
    WAIT_AND_SEE = "wait_and_see"
    TOLD_ALREADY = "told_already"
    OTHER = "other"


class CaseDecision(StrEnum):
    """What an officer decided: instalments, holding contact back, going on as before, or that nothing is left to do."""

    PLAN = "plan"
    HOLD = "hold"
    CONTACT = "contact"
    CLOSE = "close"


class RequestState(StrEnum):
    """open waits for the supervisor's answer."""

    OPEN = "open"
    IN_HAND = "in_hand"
    DONE = "done"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_R = RequestState
ANSWERS: dict[RequestState, frozenset[RequestState]] = {
    _R.OPEN: frozenset({_R.IN_HAND, _R.DONE, _R.DECLINED}),
    _R.IN_HAND: frozenset({_R.DONE, _R.DECLINED}),
    _R.DONE: frozenset(),
    _R.DECLINED: frozenset(),
    _R.WITHDRAWN: frozenset(),
}
WAITING = (RequestState.OPEN, RequestState.IN_HAND)


class RequestKind(StrEnum):
    """What is asked for."""

    CALL = "call"
    ASK = "ask"
    NUMBER = "number"
    SLIP = "slip"
    RECORD = "record"
    OTHER = "other"
