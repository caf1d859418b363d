"""The one table from Asterisk's words (Q.850 cause, SIP status) to ours; unknown is None and a log line.

Sources: ITU-T Q.850 table 1, RFC 3398 §7.2.4.1 (ISUP causes to SIP). SIP statuses are in `dialer/telephony/sip.py`.
The SIP status decides where there is one, since Asterisk folds several of them into one cause (500 and 503 into 38 and 34, 410 into 22).
"""

from __future__ import annotations

import re
from types import MappingProxyType

import structlog

from campaigns.attempts.codes import LineResult
from dialer.telephony.sip import BY_SIP_STATUS

_log = structlog.get_logger(__name__)

BY_CAUSE = MappingProxyType(
    {
        1: LineResult.UNOBTAINABLE,  # unallocated number
        2: LineResult.FAILED,  # no route to transit network
        3: LineResult.FAILED,  # no route to destination
        5: LineResult.FAILED,  # misdialled trunk prefix
        16: LineResult.NO_ANSWER,  # normal clearing before any answer: we gave up
        17: LineResult.BUSY,
        18: LineResult.UNREACHABLE,  # no user responding
        19: LineResult.UNREACHABLE,  # no answer; what Asterisk makes of a 480 as well, so only ringing tells that it was alerted
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
        sip_status: of its TechCause, None where Asterisk is too old to tell (20.6 is, 22 is not); then a 403 can't be told from a 603.
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
