"""The HTTP side of Twilio's official client: a configurable server, strict times, no personal data in logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from urllib3.exceptions import MaxRetryError, NewConnectionError

from dialer.telephony.errors import CarrierRefused, CarrierUnreachable, HandoverUnknown
from dialer.telephony.twilio.mapping import REFUSED_HINTS, is_rate_limit


class TwilioHttp(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own client, sent to `base_url` instead of its host where one is given.

    Every request has a connection of its own: a kept-alive one that the server has closed can't be told from a lost answer.
    """

    def __init__(self, base_url: str = "", *, timeout: float = 10.0) -> None:
        super().__init__(pool_connections=True, timeout=timeout, max_retries=0)
        self._base_url = base_url.rstrip("/")

    def request(self, method: str, url: str, *args: Any, headers: dict[str, str] | None = None, **more: Any) -> Response:
        """One request, sent at most once."""
        if self._base_url:
            parts = urlsplit(url)
            url = f"{self._base_url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().request(method, url, *args, headers={**(headers or {}), "Connection": "close"}, **more)

    def close(self) -> None:
        """Lets go of the connections."""
        if self.session is not None:
            self.session.close()

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Not logged: a request carries numbers and texts."""

    def log_response(self, status_code: int, response: object) -> None:
        """Not logged, for the same reason."""


@contextmanager
def carrier_errors(what: str) -> Iterator[None]:
    """Turns what the client raises into our errors: refused, certainly not handed over, or unknown."""
    try:
        yield
    except TwilioRestException as error:
        code = int(error.code or 0)
        if is_rate_limit(error.status, code):
            raise CarrierUnreachable(f"Twilio took no more requests just now ({what})", code="rate_limited") from None
        if error.status >= 500:
            raise HandoverUnknown(f"Twilio had a fault of its own ({what}, status {error.status})") from None
        hint = REFUSED_HINTS.get(code, "See Twilio's error dictionary for the code.")
        raise CarrierRefused(f"Twilio refused ({what}, error {code or error.status})", hint=hint, code=f"twilio_{code}") from None
    except (requests.RequestException, TwilioException) as error:
        if _was_never_sent(error):
            raise CarrierUnreachable(f"Twilio can't be reached ({what})", hint="Check the network and its proxy.") from None
        raise HandoverUnknown(f"Twilio's answer was lost ({what})") from None


def _was_never_sent(error: BaseException) -> bool:
    if isinstance(error, ConnectTimeout | requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return True
    if isinstance(error, RequestsConnectionError) and error.args:
        cause = error.args[0]
        return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    return False
