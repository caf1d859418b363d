"""The one table from Asterisk's words (Q.850 cause, SIP status) to ours; unknown is None and a log line.

Sources: ITU-T Q.850 table 1; RFC 3261 §21, RFC 3398 §8.2.6.1 (SIP to ISUP), RFC 8197 (607), RFC 8688 (608), RFC 5079 (433).
The SIP status decides where there is one, since Asterisk folds several of them into one cause (500 and 503 into 38 and 34, 410 into 22).
"""

from __future__ import annotations

import re
from types import MappingProxyType

import structlog

from campaigns.attempts.codes import LineResult

_log = structlog.get_logger(__name__)

BY_SIP_STATUS = MappingProxyType(
    {
        400: LineResult.FAILED,
        401: LineResult.FAILED,
        402: LineResult.FAILED,
        403: LineResult.FAILED,
        404: LineResult.UNOBTAINABLE,
        405: LineResult.FAILED,
        406: LineResult.FAILED,
        407: LineResult.FAILED,
        408: LineResult.UNREACHABLE,
        410: LineResult.UNOBTAINABLE,
        415: LineResult.FAILED,
        416: LineResult.FAILED,
        420: LineResult.FAILED,
        423: LineResult.FAILED,
        433: LineResult.REJECTED,
        480: LineResult.UNREACHABLE,
        481: LineResult.FAILED,
        482: LineResult.FAILED,
        483: LineResult.FAILED,
        484: LineResult.UNOBTAINABLE,
        485: LineResult.UNOBTAINABLE,
        486: LineResult.BUSY,
        487: LineResult.NO_ANSWER,
        488: LineResult.FAILED,
        500: LineResult.FAILED,
        501: LineResult.FAILED,
        502: LineResult.FAILED,
        503: LineResult.FAILED,
        504: LineResult.FAILED,
        505: LineResult.FAILED,
        513: LineResult.FAILED,
        580: LineResult.FAILED,
        600: LineResult.BUSY,
        603: LineResult.REJECTED,
        604: LineResult.UNOBTAINABLE,
        606: LineResult.FAILED,
        607: LineResult.REJECTED,
        608: LineResult.REJECTED,
    }
)

BY_CAUSE = MappingProxyType(
    {
        1: LineResult.UNOBTAINABLE,  # unallocated number
        2: LineResult.FAILED,  # no route to transit network
        3: LineResult.FAILED,  # no route to destination
        5: LineResult.FAILED,  # misdialled trunk prefix
        16: LineResult.NO_ANSWER,  # normal clearing before any answer: we gave up
        17: LineResult.BUSY,
        18: LineResult.UNREACHABLE,  # no user responding
        19: LineResult.NO_ANSWER,  # alerted, no answer
        20: LineResult.UNREACHABLE,  # subscriber absent
        21: LineResult.REJECTED,
        22: LineResult.UNOBTAINABLE,  # number changed
        27: LineResult.UNREACHABLE,  # destination out of order
        28: LineResult.UNOBTAINABLE,  # number incomplete
        29: LineResult.FAILED,  # facility rejected
        34: LineResult.FAILED,  # no circuit
        38: LineResult.FAILED,  # network out of order
        41: LineResult.FAILED,
        42: LineResult.FAILED,  # congestion
        44: LineResult.FAILED,
        47: LineResult.FAILED,
        50: LineResult.FAILED,
        58: LineResult.FAILED,
        63: LineResult.FAILED,
        65: LineResult.FAILED,
        66: LineResult.FAILED,
        69: LineResult.FAILED,
        79: LineResult.FAILED,
        88: LineResult.FAILED,
        95: LineResult.FAILED,
        102: LineResult.FAILED,  # timer expired
        111: LineResult.FAILED,
    }
)

# After ringing, the network's word that the callee can't be had means that nobody picked up.
_NO_ANSWER_ONCE_RUNG = frozenset({LineResult.UNREACHABLE})
_TECH_CAUSE = re.compile(r"(?:SIP )?([1-6][0-9]{2})\b")


def classify(cause: int | None, sip_status: int | None, *, has_rung: bool = False, has_timed_out: bool = False) -> LineResult | None:
    """How an unanswered call ended, or None for a word we do not know.

    Args:
        cause: Q.850 cause of the Hangup event.
        sip_status: of its TechCause, None where Asterisk is too old to tell.
        has_rung: the far end was heard ringing.
        has_timed_out: our own ring time was over (OriginateResponse Reason 3), which looks like a 480 otherwise.
    """
    if has_timed_out:
        return LineResult.NO_ANSWER
    known = BY_SIP_STATUS.get(sip_status) if sip_status is not None else None
    result = known or (BY_CAUSE.get(cause) if cause is not None else None)
    if result is None:
        _log.warning("asterisk.unknown_cause", cause=cause, sip_status=sip_status)
        return None
    return LineResult.NO_ANSWER if has_rung and result in _NO_ANSWER_ONCE_RUNG else result


def sip_status_of(tech_cause: str) -> int | None:
    """The SIP status in a Hangup's TechCause, for instance 486 of "486" or "SIP 486 Busy Here"."""
    found = _TECH_CAUSE.match(tech_cause.strip())
    return int(found.group(1)) if found else None
