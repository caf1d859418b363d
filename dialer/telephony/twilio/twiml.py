"""What Twilio is told to do with a call: TwiML documents, each a template, and the addresses it reports to.

The addresses carry our channel id, so every report names the call by our own word, also when the answer to the hand-over was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from dialer.telephony.errors import CarrierRefused
from dialer.telephony.port import is_leg_id
from dialer.telephony.robocall import TRANSFER_SECONDS, PlanNode

WEBHOOK_PATH = "/webhooks/twilio/voice"
INCOMING_PATH = "/webhooks/twilio/incoming/"
HOLD_SECONDS = 60
_LANGUAGE = "ja-JP"
_WELCOME = "お電話ありがとうございます。少々お待ちください。"
_WAIT = "少々お待ちください。"
_LONGEST = 4000  # characters of the Twiml parameter of Twilio's Call resource
_templates = Environment(
    loader=PackageLoader("dialer.telephony.twilio"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Twilio reports to, below the public address of this installation."""

    public_url: str

    def report(self, channel_id: str, event: str, **more: str | int) -> str:
        """The address for one kind of report about one channel."""
        return f"{self.public_url.rstrip('/')}{WEBHOOK_PATH}?{urlencode({'ref': channel_id, 'event': event, **more})}"


def conference(
    channel_id: str, room: str, addresses: Addresses, *, keys: str = "", notice: str = "", is_muted: bool = False, is_guest: bool = False
) -> str:
    """Joins the operator's room, which ends with the operator's leaving; first `keys` are pressed for the other end, `notice` is said."""
    is_operator = channel_id == room or (is_leg_id(channel_id) and not is_guest)
    return _document("conference", channel_id, addresses, room=room, is_operator=is_operator, keys=keys, notice=notice, is_muted=is_muted)


def hold(notice: str = "", seconds: int = HOLD_SECONDS) -> str:
    """Keeps an answered call until it is joined with an operator; `notice` is said first."""
    return _render("hold", notice=notice, seconds=seconds)


def held() -> str:
    """A debtor on hold hears now and then that they shall wait: a quarter of an hour at most."""
    return _render("held", text=_WAIT, times=30, seconds=30)


def node(channel_id: str, at: PlanNode, addresses: Addresses, *, step: int = 1, press: int = 1) -> str:
    """One node of a robocall; `step` counts the nodes of the call, `press` its keys."""
    seconds = max(1, round(at.wait_seconds))
    return _document("node", channel_id, addresses, node=at, seconds=seconds, step=step, press=press)


def wait_for_operator(channel_id: str, at: PlanNode, addresses: Addresses, *, step: int, press: int) -> str:
    """A listener who asked for an operator waits for being joined with one; then the script goes on."""
    return _document("wait", channel_id, addresses, node=at, seconds=TRANSFER_SECONDS, step=step, press=press)


def say(texts: Sequence[str], *, is_last: bool, seconds: int = HOLD_SECONDS) -> str:
    """Says something, and then hangs up or keeps the caller waiting."""
    return _render("say", texts=texts, is_last=is_last, seconds=seconds)


def welcome() -> str:
    """Somebody calls in: they wait until the dialer says what next, twenty seconds at most."""
    return say((_WELCOME,), is_last=False, seconds=20)


def goodbye() -> str:
    """The end."""
    return say((), is_last=True)


def nothing() -> str:
    """The answer to a plain report."""
    return _render("nothing")


def _document(template: str, channel_id: str, addresses: Addresses, **values: object) -> str:
    def report(event: str, **more: str | int) -> str:
        return addresses.report(channel_id, event, **more)

    return _render(template, channel_id=channel_id, report=report, **values)


def _render(template: str, **values: object) -> str:
    document = _templates.get_template(f"{template}.xml").render(language=_LANGUAGE, **values)
    if len(document) > _LONGEST:
        raise CarrierRefused(
            f"what Twilio shall say is longer than {_LONGEST} characters", hint="Shorten the text or repeat it less often."
        )
    return document
