"""What a SIP status says about the line, for every carrier that speaks SIP or reports its statuses.

Sources: RFC 3261 §21, RFC 3398 §8.2.6.1, RFC 5079 (433), RFC 8197 (607), RFC 8688 (608). A status that is not here is unknown, not guessed.
"""

from __future__ import annotations

from types import MappingProxyType

from campaigns.attempts.codes import LineResult

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
