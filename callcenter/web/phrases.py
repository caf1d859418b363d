"""Words that depend on codes of the rooms below: results, parties, states, what follows; Japanese and English side by side.

Texts of the pages themselves are in locales/. What may be shown before somebody is verified is in `NEUTRAL_*`.
"""

from __future__ import annotations

from typing import Any

from campaigns.attempts.codes import (
    CHANNEL_EN,
    CHANNEL_JA,
    LINE_RESULT_EN,
    LINE_RESULT_JA,
    OUTCOME_EN,
    OUTCOME_JA,
    PARTY_EN,
    PARTY_JA,
    Channel,
    LineResult,
    Outcome,
    Party,
)
from dialer.agents.state import PAUSE_REASON_JA, AgentState, PauseReason

PAUSE_REASON_EN = {
    PauseReason.BREAK: "Break",
    PauseReason.MEETING: "Meeting",
    PauseReason.TRAINING: "Training",
    PauseReason.PAPERWORK: "Paperwork",
    PauseReason.OTHER: "Other",
    PauseReason.SIGNED_IN: "Not started",
    PauseReason.WRAP_UP_EXPIRED: "Wrap-up ran out",
    PauseReason.CONSOLE_GONE: "Console gone",
    PauseReason.LEG_DOWN: "Voice line down",
    PauseReason.BY_SUPERVISOR: "By a supervisor",
}
# Before anybody is verified: no word of the matter (CHANNEL_JA, PARTY_JA and OUTCOME_JA have some).
NEUTRAL_PARTY = {
    Party.DEBTOR: ("ご本人が応対", "The person answered"),
    Party.DEBTOR_UNVERIFIED: ("ご本人と思われる方が応対(未確認)", "Perhaps the person (not verified)"),
    Party.FAMILY: ("ご家族が応対", "Family answered"),
    Party.THIRD_PARTY: ("ほかの方が応対", "Somebody else answered"),
    Party.COMPANY_CONTACT: ("担当の方が応対", "A company contact answered"),
    Party.AGENT: ("代理の方が応対", "An agent answered"),
    Party.WRONG_NUMBER: ("間違い電話", "Wrong number"),
    Party.UNKNOWN: ("無言、または切れた", "Silent, or cut off"),
}
NEUTRAL_OUTCOMES = (
    Outcome.INTERRUPTED,
    Outcome.CALLBACK_PROMISED,
    Outcome.CALLBACK_MESSAGE_LEFT,
    Outcome.NO_RESULT,
    Outcome.STOP_NUMBER,
    Outcome.COMPLAINT,
    Outcome.LANGUAGE_SUPPORT,
)

STATES: dict[AgentState, tuple[str, str, str, str]] = {  # kind and icon of the badge, Japanese, English
    AgentState.READY: ("", "clock", "待機", "Ready"),
    AgentState.RESERVED: ("run", "phone", "発信準備", "Reserved"),
    AgentState.RINGING: ("run", "phone", "呼出中", "Ringing"),
    AgentState.TALKING: ("run", "phone", "通話中", "Talking"),
    AgentState.WRAP_UP: ("warn", "pen", "後処理", "Wrap-up"),
    AgentState.PAUSED: ("off", "hold", "離席", "Paused"),
    AgentState.ENDED: ("off", "stop", "終了", "Signed out"),
}
WAITING: dict[str, tuple[str, str]] = {
    "no_leg": ("音声回線をつないでいます", "Connecting the voice line"),
    "leg_refused": (
        "音声回線を断られました。電話機の番号を管理者に確かめてください",
        "The phone refused. Ask your administrator to check its address",
    ),
    "leg_down": ("音声回線が切れています", "The voice line is down"),
    "no_campaign": ("動いている計画がありません", "No campaign is running"),
    "no_dialer": ("発信機が動いていません。管理者に知らせてください", "No dialer is at work. Tell your administrator"),
    "carrier_down": ("電話会社につながりません。つながるまで待ちます", "The carrier does not answer; waiting"),
    "trunk_failing": (
        "回線側の障害で発信を止めています。間をおいて試し、つながれば再開します",
        "The trunk fails calls; it is tried again after a pause",
    ),
    "trunk_silent": (
        "発信しても回線から応答がないため止めています。間をおいて試し、鳴れば再開します",
        "The trunk gives no answer to calls; it is tried again after a pause",
    ),
}
TITLES: dict[str, tuple[str, str]] = {
    "idle": ("待機", "Waiting"),
    "preview": ("次の案件", "Next case"),
    "ringing": ("呼出中", "Ringing"),
    "incoming": ("着信・相手未確認", "Incoming, not known"),
    "talking_unverified": ("応答・本人未確認", "Answered, not verified"),
    "talking": ("通話中", "Talking"),
    "saved": ("保存済み", "Saved"),
    "wrapup": ("後処理", "Wrap-up"),
}
STATUS: dict[str, tuple[str, str]] = {
    "idle": ("", ""),
    "preview": ("次の案件です。", "The next case."),
    "ringing": ("呼び出しています。", "Ringing."),
    "incoming": ("電話がかかってきました。相手はまだ分かりません。", "Somebody called in. Nobody knows yet who it is."),
    "talking_unverified": ("応答しました。本人確認の前です。", "Answered. Nobody is verified yet."),
    "talking": ("本人確認が済みました。案件を表示しています。", "Verified. The case is shown."),
    "saved": ("結果を保存しました。", "The result is saved."),
    "wrapup": ("通話が終わりました。結果を保存してください。", "The call is over. Save the result."),
}


def pick(lang: str, pair: tuple[str, ...]) -> str:
    """The Japanese or the English one of a pair at the end of a row."""
    return pair[-1] if lang == "en" else pair[-2]


def label(lang: str, code: Any) -> str:
    """The label of a channel, line result, party, outcome or pause reason."""
    for kind, ja, en in (
        (Channel, CHANNEL_JA, CHANNEL_EN),
        (LineResult, LINE_RESULT_JA, LINE_RESULT_EN),
        (Party, PARTY_JA, PARTY_EN),
        (Outcome, OUTCOME_JA, OUTCOME_EN),
        (PauseReason, PAUSE_REASON_JA, PAUSE_REASON_EN),
    ):
        if isinstance(code, kind):
            return str((en if lang == "en" else ja)[code])  # type: ignore[index]
    return str(code or "")


def pause_label(lang: str, reason: str) -> str:
    """A pause reason as stored, in words; an unknown one as it is."""
    return label(lang, PauseReason(reason)) if reason in set(PauseReason) else reason


def neutral_attempt(lang: str, line_result: str | None, party: str | None) -> str:
    """An earlier attempt in words that reveal nothing."""
    if party in set(Party) and Party(party) in NEUTRAL_PARTY:
        return pick(lang, NEUTRAL_PARTY[Party(party)])
    return label(lang, LineResult(line_result)) if line_result in set(LineResult) else ""
