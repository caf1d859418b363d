"""The Asterisk carrier: calls go out by AMI Originate, what happens to them comes back as manager events.

A call is `PJSIP/<digits>@<trunk>` with our own ChannelId, never a Local channel (which hangs up three times under foreign ids).
On answer the dialplan of `templates/extensions.conf` takes over: it joins the operator's conference room, or plays the prompt and
reports keys.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import structlog

from callcenter.core.clock import Clock
from dialer.telephony.asterisk import controls
from dialer.telephony.asterisk.checks import check_asterisk
from dialer.telephony.asterisk.inbound import announce, came_in, is_inbound, new_track, our_id, their_id
from dialer.telephony.asterisk.link import AmiLink, Standing, Told
from dialer.telephony.asterisk.orders import (
    AsteriskSettings,
    Order,
    call_order,
    is_id,
    leg_order,
    phone_gone_order,
    phone_order,
    require_id,
)
from dialer.telephony.asterisk.supervising import change, first_order
from dialer.telephony.asterisk.tracking import Step, Track, observe, settle
from dialer.telephony.conversation import SupervisionRequest
from dialer.telephony.errors import CarrierError, CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import CallerNotice, CheckLine, LegRequest, OriginateRequest, PhoneLogin, is_leg_id
from dialer.telephony.recent import Recent

_log = structlog.get_logger(__name__)
_FOREIGN_ID = re.compile(r"(.+-)?[0-9]+\.[0-9]+", re.ASCII)  # Asterisk's own ids; ours have no dot
TOLD_LATELY = timedelta(minutes=15)  # longer ago it was heard of in time, or was settled without it
CONFERENCE = "ConfBridge"
_ORIGINATE_ID = "call:"
_WATCHED = frozenset({"Newchannel", "Newstate", "DialState", "OriginateResponse", "ConfbridgeJoin", "UserEvent", "Hangup"})


class AsteriskCarrier:
    """Fulfils `Carrier` with one Asterisk."""

    name = "asterisk"
    can_predict = True
    keeps_until_polled = False

    def __init__(self, settings: AsteriskSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._link = AmiLink(settings.ami, on_event=self._take, on_up=self._came_up, on_down=self._went_down)
        self._changed = threading.Condition()
        self._events: deque[CarrierEvent] = deque()
        self._tracks: dict[str, Track] = {}
        self._due: dict[str, float] = {}
        self._ended, self._cancelled = Recent(), Recent()

    def connect(self) -> None:
        self._link.start()

    def close(self) -> None:
        self._link.close()

    def is_connected(self) -> bool:
        return self._link.is_up()

    def wait_connected(self, seconds: float) -> bool:
        """Waits until a call could be handed over; for commands and tests."""
        return self._link.wait_up(seconds)

    def originate(self, request: OriginateRequest) -> None:
        self._hand_over(Track(request.channel_id), call_order(request, self._settings))

    def open_leg(self, request: LegRequest) -> None:
        self._hand_over(Track(request.leg_id, is_leg=True), leg_order(request, self._settings))

    def _hand_over(self, track: Track, order: Order) -> None:
        channel_id = track.channel_id
        with self._changed:
            if channel_id in self._tracks or channel_id in self._ended:
                raise CarrierRefused("this channel id was used before; the call was not made again", code="used_twice")
            self._tracks[channel_id] = track
        try:
            answer = self._link.ask("Originate", order.keys, order.variables, action_id=_ORIGINATE_ID + channel_id)
        except CarrierError as error:
            if error.code != "handover_unknown":
                self._drop(channel_id)
            raise
        if answer.is_error:
            self._drop(channel_id)
            raise CarrierRefused(f"Asterisk refused the call ({answer.message})")

    def hang_up(self, channel_id: str) -> None:
        require_id(channel_id)
        with self._changed:
            track = self._tracks.get(channel_id)
            if track is not None:
                self._tracks[channel_id] = replace(track, is_withdrawn=True)
            if track is not None and not track.is_seen:
                self._cancelled.add(channel_id)  # its channel is still being made: hung up as soon as it appears
        self._link.ask("Hangup", {"Channel": their_id(channel_id), "Cause": "16"})  # "No such channel" is as good

    def close_leg(self, leg_id: str) -> None:
        self.hang_up(leg_id)

    def bridge(self, channel_id: str, leg_id: str) -> None:
        controls.join(self._link, their_id(channel_id), leg_id)

    def announce(self, notice: CallerNotice) -> None:
        announce(self._link, notice, self._settings.sound_folder)

    def hold(self, channel_id: str) -> None:
        controls.hold(self._link, their_id(channel_id))

    def mute(self, leg_id: str, room: str, *, is_muted: bool) -> None:
        controls.mute(self._link, leg_id, room, is_muted=is_muted)

    def send_keys(self, channel_id: str, keys: str, room: str) -> None:
        controls.send_keys(self._link, their_id(channel_id), keys)

    def hand_over(self, channel_id: str, guest_id: str) -> None:
        controls.hand_over(self._link, their_id(channel_id), guest_id)

    def make_phone(self, login: PhoneLogin) -> None:
        controls.run(self._link, phone_order(login))

    def drop_phone(self, name: str) -> None:
        controls.run(self._link, phone_gone_order(name))

    def supervise(self, request: SupervisionRequest) -> None:
        if request.was is None:
            self._hand_over(Track(request.leg_id, is_leg=True), first_order(request, self._settings))
        else:
            change(self._link, request)

    def poll(self, timeout: float) -> Sequence[CarrierEvent]:
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                now = time.monotonic()
                self._settle_due(now)
                if self._events or now >= deadline:
                    break
                self._changed.wait(min([deadline, *self._due.values()]) - now)
            found = tuple(self._events)
            self._events.clear()
        return found

    def live_channels(self) -> frozenset[str] | None:
        try:
            return frozenset(map(our_id, self._link.channels()))
        except CarrierError:
            return None

    def check(self) -> Sequence[CheckLine]:
        return check_asterisk(self._settings.ami, self._settings.trunk)

    def _take(self, name: str, fields: Mapping[str, str]) -> None:
        """One manager event, on the reading thread."""
        if name not in _WATCHED:
            return
        channel_id = _subject(name, fields)
        with self._changed:
            is_cancelled = name == "Newchannel" and channel_id in self._cancelled
            track = self._tracks.get(channel_id) or self._adopt(channel_id, name, fields)
            if track is not None and fields.get("UserEvent") == "CallcenterIncoming":
                self._fold(came_in(track, fields, self._clock.now()))
            elif track is not None:
                self._fold(observe(track, name, fields, self._clock.now()))
            if is_cancelled:
                self._cancelled.discard(channel_id)
        if is_cancelled:
            self._link.tell("Hangup", {"Channel": channel_id, "Cause": "16"})

    def _adopt(self, channel_id: str, name: str, fields: Mapping[str, str]) -> Track | None:
        """A track for a channel that an earlier run of the dialer made; None for what is not ours."""
        if channel_id in self._ended:
            return None
        if is_inbound(channel_id):
            return new_track(channel_id, fields, self._settings.trunk)
        if not is_id(channel_id) or _FOREIGN_ID.fullmatch(channel_id):
            return None
        if name == "OriginateResponse":
            return None
        return Track(channel_id, is_leg=is_leg_id(channel_id), is_ours=False, is_seen=True)

    def _fold(self, step: Step) -> None:
        track, told = step
        if track.has_ended:
            self._tracks.pop(track.channel_id, None)
            self._due.pop(track.channel_id, None)
            self._cancelled.discard(track.channel_id)
            self._ended.add(track.channel_id)
        else:
            self._tracks[track.channel_id] = track
            if track.is_waiting and track.channel_id not in self._due:
                self._due[track.channel_id] = time.monotonic() + self._settings.grace_seconds
                self._changed.notify_all()
        if told:
            self._events.extend(told)
            self._changed.notify_all()

    def _settle_due(self, now: float) -> None:
        for channel_id in [c for c, due in self._due.items() if due <= now]:
            track = self._tracks[channel_id]
            if track.is_seen and not track.is_hungup:
                self._due.pop(channel_id)  # a channel did appear: its Hangup decides
            else:
                self._fold(settle(track, self._clock.now()))

    def _drop(self, channel_id: str) -> None:
        with self._changed:
            self._tracks.pop(channel_id, None)
            self._due.pop(channel_id, None)
            self._cancelled.discard(channel_id)

    def _went_down(self) -> None:
        _log.info("asterisk.down", open_channels=len(self._tracks))

    def _came_up(self, standing: tuple[Standing, ...], told: tuple[Told, ...]) -> None:
        """A connection stands: what is gone meanwhile is known to be gone, not how; RESYNC lets the dialer decide.

        How far the others have come is told as if it had been heard, since an answer, or a leg that came up, may have been missed. Of calls
        that nobody watched, Asterisk noted down to which it had to say that no operator is there.
        """
        now, live = self._clock.now(), frozenset(our_id(one.channel_id) for one in standing)
        with self._changed:
            for track in list(self._tracks.values()):
                if track.channel_id in live:
                    self._tracks[track.channel_id] = replace(track, is_seen=True, is_ours=False)
                elif track.is_hungup:
                    self._fold(settle(track, now))
                else:
                    self._lose(track)
            for channel in standing:
                self._catch_up(channel, now)
            for one in told:
                at = datetime.fromtimestamp(one.at, UTC)
                if is_id(one.channel_id) and now - at < TOLD_LATELY:
                    key = f"{one.channel_id}:{EventKind.ABANDONED}"
                    self._events.append(CarrierEvent(EventKind.ABANDONED, one.channel_id, at, key))
            self._events.append(CarrierEvent(EventKind.RESYNC, "", now, key=f"resync:{uuid4().hex}", live=live))
            self._changed.notify_all()

    def _catch_up(self, channel: Standing, now: datetime) -> None:
        fields = {"ChannelState": channel.state}
        for name in ("Newstate", "ConfbridgeJoin") if channel.application == CONFERENCE else ("Newstate",):
            track = self._tracks.get(channel.channel_id) or self._adopt(channel.channel_id, name, fields)
            if track is not None:
                self._fold(observe(track, name, fields, now))

    def _lose(self, track: Track) -> None:
        """Forgets a call that is gone; one that never appeared but still does is hung up, since nobody waits for it any more."""
        self._tracks.pop(track.channel_id)
        self._due.pop(track.channel_id, None)
        self._ended.add(track.channel_id)
        if not track.is_seen:
            self._cancelled.add(track.channel_id)


def _subject(name: str, fields: Mapping[str, str]) -> str:
    if name == "OriginateResponse":  # its Uniqueid is "<null>" when no channel could be made
        return fields.get("ActionID", "").removeprefix(_ORIGINATE_ID)
    return our_id(fields.get("DestUniqueid" if name == "DialState" else "Uniqueid", ""))
