"""What Twilio is told to do with an answered call: TwiML documents and the addresses it reports to.

The addresses carry our channel id, so every report names the call by our own word, also when the answer to the hand-over was lost.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from urllib.parse import urlencode

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from dialer.telephony.errors import CarrierRefused
from dialer.telephony.port import RobocallPlan, is_leg_id

WEBHOOK_PATH = "/webhooks/twilio/voice"
_LANGUAGE = "ja-JP"
_WAIT = "少々お待ちください。"
_LONGEST = 4000  # characters of the Twiml parameter of Twilio's Call resource


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Twilio reports to, below the public address of this installation."""

    public_url: str

    def report(self, channel_id: str, event: str, **more: str) -> str:
        """The address for one kind of report about one channel."""
        return f"{self.public_url.rstrip('/')}{WEBHOOK_PATH}?{urlencode({'ref': channel_id, 'event': event, **more})}"


def conference(channel_id: str, room: str, addresses: Addresses, *, keys: str = "", is_muted: bool = False, is_guest: bool = False) -> str:
    """Joins the operator's room, which ends with the operator's leaving; `keys` are pressed first, towards the other end."""
    is_operator = channel_id == room or (is_leg_id(channel_id) and not is_guest)
    dial = Dial()
    dial.conference(
        room,
        participant_label=channel_id,
        start_conference_on_enter=True,
        end_conference_on_exit=is_operator,
        beep="false",
        muted=is_muted,
        wait_url="",
        max_participants=4,
        status_callback=addresses.report(channel_id, "conference"),
        status_callback_event="join leave",
        status_callback_method="POST",
    )
    response = VoiceResponse()
    if keys:
        response.play(digits=keys)
    response.append(dial)
    return _document(response)


def hold() -> str:
    """Keeps an answered call until it is joined with an operator, a minute at most."""
    response = VoiceResponse()
    response.pause(length=60)
    return _document(response)


def held() -> str:
    """A debtor on hold hears now and then that they shall wait: a quarter of an hour at most."""
    response = VoiceResponse()
    for _ in range(30):
        response.say(_WAIT, language=_LANGUAGE)
        response.pause(length=30)
    return _document(response)


def robocall(channel_id: str, plan: RobocallPlan, addresses: Addresses, *, press: int = 1) -> str:
    """Says the text up to `plan.repeats` times and listens for one key each time; `press` counts the keys of the call."""
    response = VoiceResponse()
    more = {"plan": pack_plan(plan), "press": str(press)}
    for _ in range(max(1, plan.repeats)):
        gather = Gather(
            input="dtmf",
            num_digits=1,
            timeout=max(1, round(plan.wait_seconds)),
            finish_on_key="",
            action=addresses.report(channel_id, "digit", **more),
            method="POST",
        )
        gather.say(plan.text, language=_LANGUAGE)
        response.append(gather)
    response.redirect(addresses.report(channel_id, "prompt_done"), method="POST")
    return _document(response)


def goodbye(thanks: str = "") -> str:
    """Thanks, if any, and the end."""
    response = VoiceResponse()
    if thanks:
        response.say(thanks, language=_LANGUAGE)
    response.hangup()
    return str(response)


def nothing() -> str:
    """The answer to a plain report."""
    return str(VoiceResponse())


def pack_plan(plan: RobocallPlan) -> str:
    """The plan in a few hundred characters that may stand in an address: Twilio brings it back, signed, with each key."""
    words = json.dumps([plan.text, plan.keys, plan.wait_seconds, plan.thanks_text], ensure_ascii=False)
    return base64.urlsafe_b64encode(zlib.compress(words.encode(), 9)).decode()


def unpack_plan(packed: str) -> RobocallPlan | None:
    """What `pack_plan` made, to be said once more; None for anything else."""
    try:
        text, keys, wait_seconds, thanks = json.loads(zlib.decompress(base64.urlsafe_b64decode(packed)))
    except (ValueError, zlib.error):
        return None
    return RobocallPlan("", str(text), keys=str(keys), repeats=1, wait_seconds=float(wait_seconds), thanks_text=str(thanks))


def _document(response: VoiceResponse) -> str:
    document = str(response)
    if len(document) > _LONGEST:
        raise CarrierRefused(
            f"what Twilio shall say is longer than {_LONGEST} characters", hint="Shorten the text or repeat it less often."
        )
    return document
