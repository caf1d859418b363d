"""What imports and reports must say of the made-up files, computed from their columns and nothing else.

Only the words of a refusal are shared with the importing side: the definitions are written out again here, so that one can show the other
wrong.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from campaigns.imports.rejections import reason_text

CONTACTS = ["debtor", "debtor_unverified", "family", "company_contact", "agent"]
RIGHT_PARTIES = ["debtor", "company_contact", "agent"]
PROMISES = ["promise_full", "promise_part"]
GRACE_DAYS = 7
CHANNELS = ("operator_call", "auto_call", "sms", "visit", "all")


def judged_promises(attempts: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Promises with the last day on which they can be kept and whether enough was paid by then, net of reversals."""
    promises = attempts.filter(pl.col("promised_on").is_not_null()).with_columns(
        made_on=pl.col("began").dt.date(), last_on=pl.col("promised_on") + pl.duration(days=GRACE_DAYS)
    )
    reversed_refs = payments.filter("is_reversal")["source_ref"]
    money = payments.filter(~pl.col("is_reversal") & ~pl.col("source_ref").is_in(reversed_refs.to_list()))
    money = money.select("debtor", "paid_on", yen=pl.col("principal") + pl.col("demand_fee") + pl.col("late_charge"))
    paid = (
        promises.select("debtor", "made_on", "last_on")
        .join(money, on="debtor")
        .filter(pl.col("paid_on").is_between("made_on", "last_on"))
        .group_by("debtor", "made_on")
        .agg(pl.col("yen").sum())
    )
    found = promises.join(paid, on=["debtor", "made_on"], how="left")
    return found.with_columns(is_kept=pl.col("yen").fill_null(0) >= pl.col("promised_yen"))


def _ratio(over: int, under: int) -> float | None:
    return over / under if under else None


def _figures(row: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = dict(row) | {"attempts_per_operator_hour": None}
    for rate, over, under in (
        ("contact_rate_per_call", "contacts", "attempts"),
        ("contact_rate_per_person", "persons_contacted", "persons_attempted"),
        ("right_party_rate", "right_party_contacts", "contacts"),
        ("promise_rate", "promises", "right_party_contacts"),
        ("kept_rate", "promises_kept", "promises_due"),
    ):
        found[rate] = _ratio(row[over], row[under])
    return found


def _counted(
    attempts: pl.DataFrame, promises: pl.DataFrame, first: date, last: date, keys: tuple[pl.Expr, pl.Expr]
) -> list[dict[str, Any]]:
    """The headline figures by `keys`, expressions over an attempt and over a promise (with its attempt)."""
    day = pl.col("began").dt.date()
    is_contact = (pl.col("line_result") == "answered").fill_null(False) & pl.col("party").is_in(CONTACTS).fill_null(False)
    is_right = is_contact & pl.col("party").is_in(RIGHT_PARTIES).fill_null(False)
    handed = attempts.filter(day.is_between(first, last) & (pl.col("line_result").fill_null("") != "failed"))
    calls = handed.group_by(keys[0].alias("key")).agg(
        attempts=pl.len(),
        contacts=is_contact.sum(),
        right_party_contacts=is_right.sum(),
        persons_attempted=pl.col("debtor").n_unique(),
        persons_contacted=pl.col("debtor").filter(is_contact).n_unique(),
        persons_right_party=pl.col("debtor").filter(is_right).n_unique(),
        promises=pl.col("outcome").is_in(PROMISES).fill_null(False).sum(),
    )
    due = promises.filter(pl.col("last_on").is_between(first, last)).group_by(keys[1].alias("key"))
    judged = due.agg(promises_due=pl.len(), promises_kept=pl.col("is_kept").sum())
    rows = calls.join(judged, on="key", how="full", coalesce=True).fill_null(0).sort("key")
    return [{"key": row.pop("key") or None} | _figures(row) for row in rows.iter_rows(named=True)]


def headline(attempts: pl.DataFrame, payments: pl.DataFrame, first: date, last: date) -> dict[str, Any]:
    """The headline figures from `first` to `last` by channel: whole, by hour, by day and by operator."""
    promises = judged_promises(attempts, payments)
    found: dict[str, Any] = {"from": first.isoformat(), "to": last.isoformat(), "time_zone": "Asia/Tokyo", "channels": {}}
    cuts = {
        "all": pl.lit(""),
        "hour": pl.col("began").dt.strftime("%H"),
        "day": pl.col("began").dt.strftime("%Y-%m-%d"),
        "operator": pl.col("operator"),
    }
    for channel in CHANNELS:
        chosen = pl.lit(True) if channel == "all" else pl.col("channel") == channel
        tried, promised = attempts.filter(chosen), promises.filter(chosen)
        found["channels"][channel] = {
            cut: _counted(tried, promised, first, last, (key, pl.col("last_on").dt.strftime("%Y-%m-%d") if cut == "day" else key))
            for cut, key in cuts.items()
            if cut != "operator" or channel in ("operator_call", "visit")
        }
    return found


def after_payments(debts: pl.DataFrame, payments: pl.DataFrame) -> dict[str, int]:
    """What the debts come to once the payments are set against them."""
    reversed_refs = payments.filter("is_reversal")["source_ref"].to_list()
    good = payments.filter("is_known" & ~pl.col("is_reversal") & ~pl.col("source_ref").is_in(reversed_refs))
    paid = good.group_by("notice_no").agg(pl.col("principal").sum().alias("paid"))
    left = debts.join(paid, on="notice_no", how="left").with_columns(paid=pl.col("paid").fill_null(0))
    left = left.with_columns(rest=(pl.col("outstanding") - pl.col("paid")).clip(0), over=(pl.col("paid") - pl.col("outstanding")).clip(0))
    open_debtors = left.filter(pl.col("rest") > 0)["debtor"].n_unique()
    return {
        "total_outstanding": int(left["rest"].sum()),
        "settled_debts": left.filter(pl.col("rest") == 0).height,
        "settled_debtors": debts["debtor"].n_unique() - open_debtors,
        "refund_candidates": left.filter(pl.col("over") > 0).height,
        "refund_yen": int(left["over"].sum()),
        "unmatched_payments": payments.filter(~pl.col("is_known")).height,
        "reversals": len(reversed_refs),
    }


def file_truth(rows: int, bad: list[dict[str, object]]) -> dict[str, Any]:
    """What the first and the second load of a file must count, and the rows that must be refused."""
    good = rows - len(bad)
    counts = {"rows": rows, "updated": 0, "closed": 0, "rejected": len(bad)}
    return {
        "rows": rows,
        "first": counts | {"created": good, "unchanged": 0},
        "again": counts | {"created": 0, "unchanged": good},
        "rejections": [told | {"reason": reason_text(str(told["code"]))} for told in bad],
    }


def period_of(as_of: date) -> tuple[date, date]:
    """A period that holds every attempt of the files and every promise's last day."""
    return as_of - timedelta(days=60), as_of + timedelta(days=30)
