"""Whether a webhook is Twilio's: its signature over the URL we are known by, never over what the request says about itself."""

from __future__ import annotations

from collections.abc import Mapping

from twilio.request_validator import RequestValidator


def is_genuine(auth_token: str, public_url: str, path_and_query: str, form: Mapping[str, str], signature: str) -> bool:
    """Checks X-Twilio-Signature.

    Args:
        public_url: the configured address that Twilio was given (CALLCENTER_PUBLIC_URL), without a path of its own or with the prefix
            that a proxy takes off; never Host or X-Forwarded-*.
        path_and_query: as they were on the wire, still percent-encoded.
        form: the body's fields, all of them, also those we do not know.
    """
    if not auth_token or not public_url or not signature:
        return False
    return bool(RequestValidator(auth_token).validate(public_url.rstrip("/") + path_and_query, form, signature))
