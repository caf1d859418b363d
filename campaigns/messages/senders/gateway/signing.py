"""Who is speaking: our requests signed as the provider wants it, and its reports checked. Secrets come from the settings only."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from campaigns.messages.senders.gateway.document import Auth

STALE_SECONDS = 300


def headers_for(auth: Auth, user: str, secret: str, body: bytes, unix_time: int) -> dict[str, str]:
    """The headers that show a request with this body to be ours."""
    if auth.kind == "basic":
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}
    if auth.kind == "bearer":
        return {"Authorization": f"Bearer {secret}"}
    if auth.kind == "header":
        return {auth.header: auth.prefix + secret}
    if auth.kind == "hmac":
        headers = {auth.header: auth.prefix + signature(auth, secret, body, unix_time)}
        return headers | ({auth.timestamp_header: str(unix_time)} if auth.timestamp_header else {})
    return {}


def signature(auth: Auth, secret: str, body: bytes, unix_time: int) -> str:
    """HMAC of the body, or of `time.body` where the time is sent along."""
    signed = f"{unix_time}.".encode() + body if auth.timestamp_header else body
    digest = hmac.new(secret.encode(), signed, getattr(hashlib, auth.algorithm)).digest()
    return digest.hex() if auth.encoding == "hex" else base64.b64encode(digest).decode()


def is_genuine(auth: Auth, secret: str, headers: Mapping[str, str], body: bytes, unix_time: int) -> bool:
    """Whether a report shows the secret or a signature made with it; a signed time may be five minutes off.

    Args:
        headers: looked up without regard to case.
    """
    told = headers.get(auth.header, "")
    if not secret or not told:
        return False
    if auth.kind == "header":
        return hmac.compare_digest(told.encode(), (auth.prefix + secret).encode())
    if auth.kind != "hmac":
        return False
    at = unix_time
    if auth.timestamp_header:
        stamp = headers.get(auth.timestamp_header, "")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12) or abs(int(stamp) - unix_time) > STALE_SECONDS:
            return False
        at = int(stamp)
    return hmac.compare_digest(told.encode(), (auth.prefix + signature(auth, secret, body, at)).encode())
