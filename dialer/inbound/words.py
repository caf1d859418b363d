"""What callers hear: who answers, their place, when the lines close, and that they will be called. Nothing of any matter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from dialer.inbound.rules import MOST_WAITING, Treatment
from dialer.telephony.robocall import NodeKind, PlanNode, RobocallPlan

WELCOME = "お電話ありがとうございます。{office}です。"
WAITING = "ただいま、ほかの方とお話ししております。{place}番目に、おつなぎします。"
CLOSES = "本日の受付は、{time}までです。このまま、お待ちください。"
AFTER_HOURS = "本日の受付は終了しました。"
OPENS = "次の受付は、{day}、{time}からです。"
ALL_LEFT = "申し訳ございません。ただいま、電話に出られる者がおりません。"
FULL = "申し訳ございません。ただいま、電話が大変混み合っております。"
TOO_LONG = "長らくお待たせして、申し訳ございません。"
CALLED_BACK = "こちらから、あらためてお電話いたします。"
CALL_AGAIN = "恐れ入りますが、あらためてお掛け直しください。"
GOODBYE = "失礼いたします。"
_REASONS = {Treatment.AFTER_HOURS: AFTER_HOURS, Treatment.ALL_LEFT: ALL_LEFT, Treatment.TOO_LONG: TOO_LONG, Treatment.REFUSED: FULL}


def place_words(office: str, place: int, closes_at: datetime | None, zone: tzinfo, *, is_first: bool) -> tuple[str, ...]:
    """For somebody who waits."""
    welcome = (WELCOME.format(office=office),) if is_first else ()
    closes = (CLOSES.format(time=spoken_time(closes_at.astimezone(zone))),) if closes_at else ()
    return (*welcome, WAITING.format(place=place), *closes)


def ending_words(
    why: Treatment, office: str, opens_at: datetime | None, zone: tzinfo, *, is_first: bool, is_called_back: bool
) -> tuple[str, ...]:
    """For somebody nobody talks to today."""
    said = [WELCOME.format(office=office)] if is_first else []
    said.append(_REASONS[why])
    if opens_at is not None and why is Treatment.AFTER_HOURS:
        local = opens_at.astimezone(zone)
        said.append(OPENS.format(day=f"{local.month}月{local.day}日", time=spoken_time(local)))
    return (*said, CALLED_BACK if is_called_back else CALL_AGAIN, GOODBYE)


def usual_words(office: str) -> tuple[str, ...]:
    """What does not depend on the hour, the likeliest first: made before anybody calls, so that twenty at once need not wait for it."""
    places = tuple(WAITING.format(place=place) for place in range(1, MOST_WAITING + 1))
    return (WELCOME.format(office=office), *places, *_REASONS.values(), CALLED_BACK, CALL_AGAIN, GOODBYE)


def spoken_time(moment: datetime) -> str:
    """午後5時, 午前9時30分."""
    half, hour = ("午前", moment.hour) if moment.hour < 12 else ("午後", moment.hour - 12)
    minute = f"{moment.minute}分" if moment.minute else ""
    return f"{half}{hour}時{minute}"


def plan_of_words(sounds: Sequence[tuple[str, str]]) -> RobocallPlan:
    """The same as a plan, for whoever makes sound files of plans: (name, words)."""
    return RobocallPlan(tuple(PlanNode("say", NodeKind.SAY, name, text) for name, text in sounds))
