"""The one table from Twilio's words to ours; unknown is None and a log line.

Sources: Twilio's Call resource (CallStatus, SipResponseCode, AnsweredBy) and its error dictionary.
"""

from __future__ import annotations

from types import MappingProxyType

import structlog

from campaigns.attempts.codes import LineResult
from dialer.telephony.conversation import HELD_EMPTY, HELD_FAILED, HELD_READY
from dialer.telephony.events import EventKind
from dialer.telephony.sip import BY_SIP_STATUS

_log = structlog.get_logger(__name__)

KIND_BY_STATUS = MappingProxyType(
    {
        "queued": EventKind.PLACED,
        "initiated": EventKind.PLACED,
        "ringing": EventKind.RINGING,
        "in-progress": EventKind.ANSWERED,
        "answered": EventKind.ANSWERED,
        "completed": EventKind.ENDED,
        "busy": EventKind.ENDED,
        "no-answer": EventKind.ENDED,
        "failed": EventKind.ENDED,
        "canceled": EventKind.ENDED,
    }
)
# Words of a recording that Twilio has done with; in-progress, paused, processing and the like are not here.
HELD_BY_STATUS = MappingProxyType({"completed": HELD_READY, "absent": HELD_EMPTY, "failed": HELD_FAILED})
_RESULT_BY_STATUS = MappingProxyType(
    {
        "completed": LineResult.ANSWERED,
        "busy": LineResult.BUSY,
        "no-answer": LineResult.NO_ANSWER,
        "failed": LineResult.FAILED,
        "canceled": None,  # we withdrew it, which says nothing about the line
    }
)
_RESULT_BY_ANSWERER = MappingProxyType(
    {
        "human": LineResult.ANSWERED,
        "unknown": LineResult.ANSWERED,
        "machine_start": LineResult.MACHINE,
        "machine_end_beep": LineResult.MACHINE,
        "machine_end_silence": LineResult.MACHINE,
        "machine_end_other": LineResult.MACHINE,
        "fax": LineResult.FAX,
    }
)
_RESULT_BY_ERROR = MappingProxyType(
    {
        13223: LineResult.UNOBTAINABLE,  # invalid phone number format
        13224: LineResult.UNOBTAINABLE,  # invalid or unsupported number
        13225: LineResult.FAILED,  # calls to this number are forbidden to us
        13227: LineResult.FAILED,  # no permission for this country
        21211: LineResult.UNOBTAINABLE,  # invalid To
        32005: LineResult.FAILED,
        32011: LineResult.FAILED,
        32203: LineResult.FAILED,
    }
)
REFUSED_HINTS = MappingProxyType(
    {
        20003: "Check CALLCENTER_TWILIO_ACCOUNT_SID and CALLCENTER_TWILIO_AUTH_TOKEN.",
        20404: "What it was about does not exist there.",
        21205: "CALLCENTER_PUBLIC_URL must be reachable from the Internet.",
        21210: "CALLCENTER_CALLER_ID is not a verified number of the Twilio account.",
        21211: "Correct or remove the number of this debtor.",
        21212: "CALLCENTER_CALLER_ID is not a valid number.",
        21215: "Allow calls to Japan in the Twilio account's geographic permissions.",
        21216: "Twilio's account may not call this number.",
        21220: "The call was over already.",
        21606: "The sender's number is not one of the Twilio account that can send.",
        21608: "A trial account only reaches verified numbers.",
        21610: "This number has opted out of messages.",
        21612: "This number can't be reached from the sender's number.",
        21614: "This is not a mobile number.",
    }
)
_RATE_LIMITS = frozenset({20429, 21617, 14107})


def line_result(status: str, *, sip_code: int | None, answered_by: str = "", error_code: int | None = None) -> LineResult | None:
    """How a call with this final status ended, or None for what we do not know or that says nothing about the line."""
    if status not in _RESULT_BY_STATUS:
        _log.warning("twilio.unknown_status", status=status)
        return None
    if status == "completed":
        return _answered(answered_by)
    if status == "canceled":
        return None
    by_error = _RESULT_BY_ERROR.get(error_code) if error_code is not None else None
    by_sip = BY_SIP_STATUS.get(sip_code) if sip_code is not None else None
    if status == "no-answer" and by_sip is LineResult.UNREACHABLE:
        by_sip = None
    return by_error or by_sip or _RESULT_BY_STATUS[status]


def _answered(answered_by: str) -> LineResult | None:
    if not answered_by:
        return LineResult.ANSWERED
    if answered_by not in _RESULT_BY_ANSWERER:
        _log.warning("twilio.unknown_answerer", answered_by=answered_by)
        return LineResult.ANSWERED
    return _RESULT_BY_ANSWERER[answered_by]


def is_machine(answered_by: str) -> bool:
    """Whether a person is certainly not on the line."""
    return _RESULT_BY_ANSWERER.get(answered_by) in {LineResult.MACHINE, LineResult.FAX}


def is_rate_limit(status: int, code: int) -> bool:
    """Whether a refusal only means: not so fast."""
    return status == 429 or code in _RATE_LIMITS
