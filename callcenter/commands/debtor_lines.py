"""Found debtors, and one debtor's particulars, as lines for the terminal in the chosen language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from callcenter.commands.language import pick
from callcenter.core.clock import OFFICE_ZONE
from callcenter.web import debtor_words, phrases
from callcenter.web.debtor_timeline import entry_model
from campaigns.attempts.codes import Channel
from campaigns.debtors.search import PAGE
from campaigns.debtors.timeline import Entry

SHOWN_ENTRIES = 10


def found_lines(rows: Sequence[Mapping[str, Any]], lang: str, *, has_more: bool) -> list[str]:
    """A line for each debtor: number, name, what is owed, channel, and by what it was found."""
    lines = [
        f"{row['debtor_no']}\t{row['name']}\t{row['outstanding']:,}\t{channel(row['channel'], lang)}\t"
        + debtor_words.word(debtor_words.MATCHES, row["found_by"], lang)
        for row in rows
    ]
    more = pick(lang, f"{PAGE}人より多く当てはまります。言葉を足してください。", f"More than {PAGE} fit: say more.")
    return [*(lines or [pick(lang, "該当する人はいません。", "Nobody was found.")]), *([more] if has_more else [])]


def shown_lines(told: Mapping[str, Any], entries: Sequence[Entry], debts: Mapping[int, str], lang: str) -> list[str]:
    """What is owed by tax and term, numbers, holds, and what happened lately.

    Args:
        told: the document of `callcenter debtor show`.
        entries: the timeline, the newest first.
        debts: a debt's id → what it is called.
    """
    lines = [f"{told['debtor_no']}\t{told['name']}\t{told['name_kana']}", f"{told['postal_code']} {told['address']}".strip()]
    lines += [f"{pick(lang, '世帯', 'Household')}\t{told['household_no']}"] if told["household_no"] else []
    lines += [pick(lang, "連絡禁止", "Not to be contacted")] if told["do_not_contact"] else []
    for tax in told["taxes"]:
        lines.append(f"{tax['tax_name']}\t{tax['outstanding']:,}")
        lines += [f"  {_term(term, told['as_of'], lang)}" for term in tax["terms"]]
    lines.append(f"{pick(lang, '計', 'Total')}\t{told['total']['total']:,}")
    lines += [_phone(phone, lang) for phone in told["phones"]]
    for hold in told["holds"]:
        until = f"{hold['until'].astimezone(OFFICE_ZONE):%Y-%m-%d %H:%M}" if hold["until"] else pick(lang, "期限なし", "until it is lifted")
        reason = debtor_words.word(debtor_words.REASONS, hold["reason"], lang)
        lines.append(f"{pick(lang, '停止', 'Hold')}\t{reason}\t{until}\t{hold['note']}".rstrip())
    return [*lines, *(line for entry in entries[:SHOWN_ENTRIES] for line in _entry(entry, debts, lang, told["as_of"]))]


def _term(term: Mapping[str, Any], as_of: date, lang: str) -> str:
    open_ended = term["charge"] and not term["is_charge_fixed"]
    note = pick(lang, f" (延滞金は {as_of} 現在・未確定)", f" (late charge as of {as_of}, not settled)") if open_ended else ""
    hold = "" if not term["hold"] else f"\t{debtor_words.hold_word(term['hold'], lang)}"
    sums = f"{term['outstanding']:,} + {term['fee']:,} + {term['charge']:,}"
    return f"{term['levy_year']}/{term['term']}\t{term['due_on']}\t{sums}{note}{hold}"


def _phone(phone: Mapping[str, Any], lang: str) -> str:
    status = debtor_words.NUMBER_STATUSES.get(phone["status"])
    parts = [
        debtor_words.line_word(phone["line_type"], lang),
        pick(lang, status[2], status[3]) if status else phone["status"],
        debtor_words.word(debtor_words.SOURCES, phone["source"], lang),
        *(["SMS"] if phone["sms"] else []),
        *([] if phone["is_listed"] else [pick(lang, "名簿にない", "not on the list any more")]),
    ]
    return "\t".join((phone["number"], *parts))


def _entry(entry: Entry, debts: Mapping[int, str], lang: str, today: date) -> list[str]:
    told = entry_model(entry, lang, debts, today)
    head = f"{entry.at.astimezone(OFFICE_ZONE):%Y-%m-%d %H:%M}\t{told['text']}" + (f"\t{entry.user}" if entry.user else "")
    return [head, *(f"\t{line}" for line in told["details"])]


def channel(code: str | None, lang: str) -> str:
    """A channel in words; `-` for none that was chosen."""
    return phrases.label(lang, Channel(code)) if code in set(Channel) else (code or "-")
