"""What can go wrong with a message, in our words: each provider's codes are mapped to these by one table of its own."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from campaigns.messages.senders.port import SenderError, SenderRefused, SenderUnreachable, SendUnknown


class Trouble(StrEnum):
    """Our word; stored as the reason of a message or of a batch's pause."""

    INVALID_NUMBER = "invalid_number"
    NOT_MOBILE = "not_mobile"
    OPTED_OUT = "opted_out"
    HANDSET_OFF = "handset_off"
    BLOCKED = "blocked"
    CONTENT_REFUSED = "content_refused"
    NOT_DELIVERED = "not_delivered"
    REFUSED = "refused_by_provider"
    ACCOUNT_SUSPENDED = "account_suspended"
    CREDENTIAL = "credential_refused"
    SENDER_NOT_OURS = "sender_not_ours"
    BALANCE = "no_balance"
    MISCONFIGURED = "sender_misconfigured"
    RATE_LIMITED = "rate_limited"
    BUSY = "provider_busy"
    FAULT = "provider_fault"


class Kind(StrEnum):
    """What follows: this message is over, no message would be taken, try again later, or nobody knows."""

    MESSAGE = "message"
    ACCOUNT = "account"
    LATER = "later"
    UNKNOWN = "unknown"


class Told(NamedTuple):
    """What a trouble means and how it is said."""

    kind: Kind
    ja: str
    en: str


TROUBLES: Mapping[Trouble, Told] = {
    Trouble.INVALID_NUMBER: Told(Kind.MESSAGE, "番号が正しくありません", "The number is not valid"),
    Trouble.NOT_MOBILE: Told(Kind.MESSAGE, "携帯電話の番号ではありません", "The number is no mobile that takes messages"),
    Trouble.OPTED_OUT: Told(Kind.MESSAGE, "本人が配信停止を申し出ています", "The recipient has opted out"),
    Trouble.HANDSET_OFF: Told(
        Kind.MESSAGE, "端末に届きません(電源・圏外・解約)", "The handset can't be reached (off, out of range, disconnected)"
    ),
    Trouble.BLOCKED: Told(Kind.MESSAGE, "受信を拒否しています", "The handset or its operator blocks the message"),
    Trouble.CONTENT_REFUSED: Told(Kind.MESSAGE, "文面が拒否されました", "The text was refused"),
    Trouble.NOT_DELIVERED: Told(Kind.MESSAGE, "届きませんでした", "It was not delivered"),
    Trouble.REFUSED: Told(Kind.MESSAGE, "送信事業者に断られました", "The provider refused the message"),
    Trouble.ACCOUNT_SUSPENDED: Told(Kind.ACCOUNT, "アカウントが停止されています", "The account is suspended"),
    Trouble.CREDENTIAL: Told(Kind.ACCOUNT, "認証情報が無効か期限切れです", "The credential is wrong or has expired"),
    Trouble.SENDER_NOT_OURS: Told(Kind.ACCOUNT, "送信元の番号・送信者名が使えません", "The sender number or name is not ours to use"),
    Trouble.BALANCE: Told(Kind.ACCOUNT, "残高が足りません", "The account has no balance left"),
    Trouble.MISCONFIGURED: Told(Kind.ACCOUNT, "送信手段の設定が合っていません", "The sender's configuration does not fit"),
    Trouble.RATE_LIMITED: Told(Kind.LATER, "送信速度の上限です", "The permitted rate is reached"),
    Trouble.BUSY: Told(Kind.LATER, "送信事業者が混んでいます", "The provider is busy"),
    Trouble.FAULT: Told(Kind.UNKNOWN, "送信事業者側の障害です", "The provider had a fault of its own"),
}
IS_ACCOUNT = frozenset(trouble for trouble, told in TROUBLES.items() if told.kind is Kind.ACCOUNT)


def error_of(trouble: Trouble, provider: str, code: str) -> SenderError:
    """The error of the port for a trouble; `code` is the provider's own, which goes into the sentence only."""
    told = TROUBLES[trouble]
    message = f"{provider}: {told.en} ({code})."
    if told.kind is Kind.LATER:
        return SenderUnreachable(message, code=trouble.value)
    if told.kind is Kind.UNKNOWN:
        return SendUnknown(message, code=trouble.value)
    is_account = told.kind is Kind.ACCOUNT
    hint = "Put the account right, then resume the batch." if is_account else ""
    return SenderRefused(message, hint=hint, code=trouble.value, is_account=is_account)


def trouble_text(code: str, lang: str) -> str:
    """A trouble in words; a code that is none of ours as it is."""
    told = TROUBLES.get(Trouble(code)) if code in set(Trouble) else None
    return code if told is None else told.en if lang == "en" else told.ja
