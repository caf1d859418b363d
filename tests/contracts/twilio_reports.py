"""The fields of Twilio's reports (webhooks), which its API description leaves out: as its documentation names them.

Sources: "Twilio's request to your application" (TwiML), "Call resource: StatusCallback", "TwiML Conference: statusCallback", "Answering
machine detection: webhook parameters", "TwiML Gather: action", "Recording: recordingStatusCallback", "Messaging webhooks: incoming message
and status callback". Twilio may add fields without notice: what we hear is never refused for one. What the tests' own Twilio says is
held against these lists, and so is what our code reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PLACES = _words("FromCity FromState FromZip FromCountry ToCity ToState ToZip ToCountry")
_CALL = _PLACES | _words(
    "CallSid AccountSid From To CallStatus ApiVersion Direction ForwardedFrom CallerName ParentCallSid CallToken Caller Called"
)
_MESSAGE = _words("MessageSid SmsSid SmsMessageSid AccountSid MessagingServiceSid From To ApiVersion SmsStatus")
FIELDS: Mapping[str, frozenset[str]] = {
    "status": _CALL
    | _words("CallDuration Duration SipResponseCode RecordingUrl RecordingSid RecordingDuration Timestamp CallbackSource")
    | _words("SequenceNumber AnsweredBy"),
    "conference": _words(
        """ConferenceSid FriendlyName AccountSid SequenceNumber Timestamp StatusCallbackEvent CallSid Muted Hold Coaching
        EndConferenceOnExit StartConferenceOnEnter CallSidEndingConference ParticipantLabelEndingConference ReasonConferenceEnded Reason
        ReasonAnnouncementFailed AnnounceUrl ParticipantLabel ParticipantCallStatus ReasonParticipantLeft"""
    ),
    "machine": _words("CallSid AccountSid AnsweredBy MachineDetectionDuration"),
    "digit": _CALL | _words("Digits FinishedOnKey"),
    "step": _CALL,
    "incoming": _CALL | _words("StirVerstat StirPassportToken"),
    "recording": _words(
        """AccountSid CallSid ConferenceSid RecordingSid RecordingUrl RecordingStatus RecordingDuration RecordingChannels
        RecordingStartTime RecordingSource RecordingTrack ErrorCode"""
    ),
    "message": _MESSAGE | _words("MessageStatus ErrorCode RawDlrDoneDate"),
    "reply": _MESSAGE | _PLACES | _words("Body NumMedia NumSegments OptOutType"),
}
WORDS: Mapping[str, frozenset[str]] = {
    "CallStatus": _words("queued initiated ringing in-progress completed busy failed no-answer canceled"),
    "MessageStatus": _words("accepted scheduled queued sending sent delivered undelivered failed read canceled"),
    "AnsweredBy": _words("human unknown fax machine_start machine_end_beep machine_end_silence machine_end_other"),
    "RecordingStatus": _words("in-progress completed absent failed"),
    "StatusCallbackEvent": _words(
        """conference-start conference-end participant-join participant-leave participant-mute participant-unmute participant-hold
        participant-unhold participant-modify participant-speech-start participant-speech-stop announcement-end announcement-fail"""
    ),
}
# Some failed calls are reported with the code of Twilio's error dictionary, which the documentation of the report does not mention.
UNDOCUMENTED: Mapping[str, frozenset[str]] = {"status": frozenset({"ErrorCode"})}
_KINDS = {"leg": "status", "prompt_done": "step", "nobody": "step", "transfer": "step"}


def kind_of(address: str) -> str:
    """Which kind of report goes to this address of ours."""
    parts = urlsplit(address)
    if "/webhooks/twilio/messages/" in parts.path:
        return "message"
    if "/webhooks/twilio/replies/" in parts.path:
        return "reply"
    event = dict(parse_qsl(parts.query)).get("event", "incoming")
    return _KINDS.get(event, event)


def known_fields(kind: str) -> frozenset[str]:
    """Every field that a report of this kind may have."""
    return FIELDS[kind] | UNDOCUMENTED.get(kind, frozenset())


def deviations_of_report(address: str, fields: Mapping[str, str]) -> list[str]:
    """Fields and words that a report of Twilio does not have; empty for one that could be Twilio's."""
    kind = kind_of(address)
    found = [f"report {kind}: Twilio sends no field {name}" for name in sorted(fields.keys() - known_fields(kind))]
    for name, words in WORDS.items():
        if fields.get(name, next(iter(words))) not in words:
            found.append(f"report {kind}: {name} is never {fields[name]}")
    return found
