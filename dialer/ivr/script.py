"""Robocall scripts as data: what is said, and what each key means. Pure.

A robocall cannot know who listens. So its words are neutral (no tax, no debt), and whoever presses a key is at best 本人(未確認).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import LineResult, Outcome, Party
from dialer.telephony.port import RobocallPlan

REPEAT_KEY = "9"
_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


class KeyAction(StrEnum):
    """What a key asks for; what follows is decided by `campaigns.attempts`."""

    CALL_BACK = "call_back"
    CLAIMS_PAID = "claims_paid"
    NOT_ME = "not_me"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class RobocallResult:
    """応対者 and 交渉結果 of a robocall."""

    party: Party
    outcome: Outcome


RESULTS: Mapping[KeyAction, RobocallResult] = {
    KeyAction.CALL_BACK: RobocallResult(Party.DEBTOR_UNVERIFIED, Outcome.CALLBACK_PROMISED),
    KeyAction.CLAIMS_PAID: RobocallResult(Party.DEBTOR_UNVERIFIED, Outcome.CLAIMS_PAID),
    KeyAction.NOT_ME: RobocallResult(Party.WRONG_NUMBER, Outcome.NO_RESULT),
}
SILENCE = RobocallResult(Party.UNKNOWN, Outcome.NO_RESULT)
NOBODY = RobocallResult(Party.NOBODY, Outcome.NO_RESULT)

DEFAULT_KEYS: Mapping[str, KeyAction] = {
    "1": KeyAction.CALL_BACK,
    "2": KeyAction.CLAIMS_PAID,
    "3": KeyAction.NOT_ME,
    REPEAT_KEY: KeyAction.REPEAT,
}
DEFAULT_TEXT = (
    "こちらは、{office}です。大切なお知らせがあり、お電話しました。"
    "担当者からの折り返しの電話をご希望の方は、1を。すでにお手続きがお済みの方は、2を。"
    "お心当たりのない方は、3を。もう一度お聞きになる方は、9を、押してください。"
)
DEFAULT_THANKS = "ありがとうございました。失礼いたします。"


@dataclass(frozen=True)
class Script:
    """One version of a robocall; `text` and `thanks` may hold `{office}`, the office's name as debtors know it."""

    code: str = "default"
    version: int = 1
    text: str = DEFAULT_TEXT
    thanks: str = DEFAULT_THANKS
    keys: Mapping[str, KeyAction] = field(default_factory=lambda: dict(DEFAULT_KEYS))
    repeats: int = 2
    wait_seconds: float = 4.0

    @property
    def label(self) -> str:
        """Code and version, as kept with each attempt."""
        return f"{self.code}/{self.version}"

    def sound(self, office_code: str) -> str:
        """Name of the prompt's sound: one per office, script and version."""
        return f"{office_code}-{self.code}-{self.version}"


DEFAULT = Script()


def from_document(code: str, version: int, document: Mapping[str, Any]) -> Script:
    """Reads a stored script; what it leaves out is the default's.

    Raises InvalidInput for a key that is no digit or an action that is not known.
    """
    try:
        keys = {str(key): KeyAction(action) for key, action in document.get("keys", DEFAULT_KEYS).items()}
    except ValueError as problem:
        expected = ", ".join(KeyAction)
        raise InvalidInput(f"Script '{code}' has a key with an unknown action.", hint=f"Expected one of: {expected}.") from problem
    if not _CODE.fullmatch(code):
        raise InvalidInput("The code of a script becomes a file's name.", hint="Expected letters, digits, _ and -, at most 40.")
    if not keys or not all(len(key) == 1 and key in "0123456789*#" for key in keys):
        raise InvalidInput(f"Script '{code}' has a key that no telephone has.", hint="Expected digits, * or #, one each.")
    return Script(
        code=code,
        version=version,
        text=str(document.get("text", DEFAULT_TEXT)),
        thanks=str(document.get("thanks", DEFAULT_THANKS)),
        keys=keys,
        repeats=int(document.get("repeats", 2)),
        wait_seconds=float(document.get("wait_seconds", 4.0)),
    )


def plan_of(script: Script, office_code: str, office_name: str) -> RobocallPlan:
    """What the carrier is asked to play; a key that is no answer, such as the one for repeating, plays it again."""
    sound = script.sound(office_code)
    return RobocallPlan(
        prompt=sound,
        text=script.text.replace("{office}", office_name),
        keys="".join(key for key, action in script.keys.items() if action is not KeyAction.REPEAT),
        repeats=script.repeats,
        wait_seconds=script.wait_seconds,
        thanks=f"{sound}-thanks",
        thanks_text=script.thanks.replace("{office}", office_name),
    )


def result_of(script: Script, line_result: LineResult | None, keys: str) -> RobocallResult:
    """What a robocall came to: the first key that is an answer decides, since a call ends with it; a machine presses none."""
    if line_result is not LineResult.ANSWERED:
        return NOBODY
    for key in keys:
        action = script.keys.get(key)
        if action is not None and action is not KeyAction.REPEAT:
            return RESULTS[action]
    return SILENCE
