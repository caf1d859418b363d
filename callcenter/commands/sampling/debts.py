"""The delinquent list of 架空市: several taxes, years and terms per debtor, and some rows that must be refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from callcenter.commands.sampling.draws import Draws, padded
from callcenter.commands.sampling.people import written_days
from callcenter.commands.sampling.words import REMARKS, TAX_WEIGHTS, TAXES
from callcenter.core.eras import fiscal_year, format_fiscal_year

TERMS_PER_DEBTOR = (45, 22, 13, 9, 4, 3, 2, 2)
YEAR_WEIGHTS = (55, 25, 10, 6, 4)
HOLD_WEIGHTS = (90, 2, 1, 1, 2, 1, 0, 0, 0.5)
LARGE = 0.02

# What is wrong with a bad row, by turns: column, its value, the code of the refusal, and the column named in it.
BAD_VALUES = (
    ("納期限", "2026-02-30", "bad_date"),
    ("未納額", "-500", "negative_amount"),
    ("調定額", "1200.5", "fraction_amount"),
    ("氏名", "", "missing"),
    ("期別", "100", "out_of_range"),
    ("停止区分", "8", "unknown_code"),
    ("賦課年度", "七年", "bad_year"),
)


def _installments(as_of: date) -> pl.DataFrame:
    """Every term that fell due at least 25 days before the list: tax, age of the levy year, term, levy year, due day."""
    rows = []
    for tax, (_code, _name, terms) in enumerate(TAXES):
        for age in range(len(YEAR_WEIGHTS)):
            levy = fiscal_year(as_of) - age
            due = [(term, date(levy + is_next, month, day)) for term, month, day, is_next in terms]
            rows += [(tax, age, term, levy, day) for term, day in due if day < as_of - timedelta(days=25)]
    return pl.DataFrame(rows, schema=["tax", "age", "term", "levy_year", "due_on"], orient="row")


def _chosen(draws: Draws, size: int, as_of: date) -> pl.DataFrame:
    """One installment per row; a tax of which none is due yet this year falls back on last year's."""
    table = _installments(as_of)
    blocks = table.group_by("tax", "age", maintain_order=True).agg(pl.len().alias("count"))
    blocks = blocks.with_columns(start=pl.col("count").cum_sum() - pl.col("count"))
    drawn = pl.DataFrame(
        {
            "tax": draws.weighted(size, "tax", TAX_WEIGHTS),
            "age": draws.weighted(size, "age", YEAR_WEIGHTS),
            "turn": draws.below(size, "turn", 1 << 30),
        }
    )
    found = drawn.join(blocks.cast(pl.Int64), on=["tax", "age"], how="left", maintain_order="left")
    found = found.with_columns(age=pl.when(pl.col("count").is_null()).then(1).otherwise("age")).select("tax", "age", "turn")
    found = found.join(blocks.cast(pl.Int64), on=["tax", "age"], how="left", maintain_order="left")
    return table[(found["start"] + found["turn"] % found["count"])].drop("age")


def _written_years(draws: Draws, years: pl.Series, what: str) -> pl.Series:
    first, last = int(years.min()), int(years.max())  # type: ignore[arg-type]
    span = range(first, last + 1)
    styles: tuple[Callable[[int], str], ...] = (
        str,
        format_fiscal_year,
        lambda year: f"令和{year - 2018}",
        lambda year: f"R{year - 2018}",
        lambda year: f"R{year - 2018:02d}",
    )
    usable = [style if first >= 2019 else styles[0] for style in styles]
    table = pl.Series([write(year) for write in usable for year in span], dtype=pl.String)
    return table.gather(draws.weighted(len(years), what, (60, 10, 10, 10, 10)) * len(span) + (years - first))


def _written_yen(draws: Draws, yen: pl.Series, what: str) -> pl.Series:
    plain = yen.cast(pl.String)
    commas = plain.str.replace(r"^(\d+)(\d{3})$", "$1,$2").str.replace(r"^(\d+)(\d{3}),", "$1,$2,")
    style = draws.weighted(len(yen), what, (90, 6, 2, 2))
    wide = plain.str.replace_many(list("0123456789"), list("０１２３４５６７８９"))
    found = commas.zip_with(style == 1, plain)
    found = (commas + "円").zip_with(style == 2, found)
    return wide.zip_with(style == 3, found)


def _amounts(draws: Draws, size: int, is_large: pl.Series) -> dict[str, pl.Series]:
    """Skewed towards small sums; 2 % of debtors owe fifteen times as much; a fifth of the rows are part paid."""
    base = (draws.share(size, "amount") * 3.0).exp() * 30.0
    assessed = (base * (is_large.cast(pl.Float64) * 14.0 + 1.0)).cast(pl.Int64) * 100
    part = (assessed.cast(pl.Float64) * draws.share(size, "part") * 0.009).cast(pl.Int64) * 100
    received = part.zip_with(draws.chance(size, "part.is", 0.18), pl.Series([0]).new_from_index(0, size))
    return {"assessed": assessed, "received": received, "outstanding": assessed - received}


def installments(draws: Draws, people: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """One typed row per installment: `debtor` (row of `people`), `turn` within the debtor, the key, the due day and the amounts."""
    count = draws.weighted(people.height, "terms", TERMS_PER_DEBTOR) + 1
    debtor = pl.int_range(people.height, eager=True).alias("debtor")
    owner = pl.DataFrame({"debtor": debtor, "count": count}).select(pl.col("debtor").repeat_by("count")).explode("debtor")["debtor"]
    size = len(owner)
    turn = pl.int_range(size, eager=True) - (count.cum_sum() - count).gather(owner)
    chosen = _chosen(draws, size, as_of)
    older = (chosen["levy_year"] < fiscal_year(as_of)) & draws.chance(size, "base", 0.05)
    is_large = draws.chance(people.height, "large", LARGE).gather(owner)
    return chosen.with_columns(
        debtor=owner,
        turn=turn,
        base_year=chosen["levy_year"] - older.cast(pl.Int64),
        notice_no=padded(pl.int_range(size, eager=True) * 7 + 26_000_001, 12),
        tax_code=pl.Series([tax[0] for tax in TAXES]).gather(chosen["tax"]),
        tax_name=pl.Series([tax[1] for tax in TAXES]).gather(chosen["tax"]),
        vintage=pl.when(chosen["levy_year"] >= fiscal_year(as_of)).then(pl.lit("1")).otherwise(pl.lit("2")),
        hold=draws.weighted(people.height, "hold", HOLD_WEIGHTS).gather(owner),
        debtor_no=people["debtor_no"].gather(owner),
        **_amounts(draws, size, is_large),
    )


def written_list(draws: Draws, people: pl.DataFrame, debts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The list's good rows as a core system writes them."""
    size = debts.height
    own = people[debts["debtor"]]
    due_days = sorted(set(debts["due_on"].to_list()))
    due_index = debts["due_on"].replace_strict(due_days, list(range(len(due_days))), return_dtype=pl.Int64)
    sent_days = [day + timedelta(days=20) for day in due_days]
    sent = written_days(sent_days, draws, due_index, "sent")
    unsent = pl.Series([day >= as_of for day in sent_days]).gather(due_index) | draws.chance(size, "unsent", 0.05)
    none = draws.pick(size, "none", ("", "0000-00-00", "00000000"))
    late = (draws.below(size, "late", 40) * 100).zip_with(draws.chance(size, "late.is", 0.2), pl.Series([0]).new_from_index(0, size))
    blank = pl.Series([""]).new_from_index(0, size)
    return pl.DataFrame(
        {
            "宛名番号": own["debtor_no"],
            "個人法人区分": own["kind"],
            "氏名": own["name"],
            "氏名カナ": own["name_kana"],
            "生年月日": own["birth"],
            "郵便番号": own["postal"],
            "住所": own["address"],
            "世帯番号": own["household_no"],
            "電話番号1": own["phone1"],
            "電話番号2": own["phone2"],
            "電話番号3": own["phone3"],
            "税目コード": debts["tax_code"],
            "税目名": debts["tax_name"],
            "賦課年度": _written_years(draws, debts["levy_year"], "levy"),
            "相当年度": _written_years(draws, debts["base_year"], "basis"),
            "期別": debts["term"].cast(pl.String),
            "通知書番号": debts["notice_no"],
            "納期限": written_days(due_days, draws, due_index, "due"),
            "調定額": _written_yen(draws, debts["assessed"], "assessed"),
            "収入済額": _written_yen(draws, debts["received"], "received"),
            "未納額": _written_yen(draws, debts["outstanding"], "outstanding"),
            "督促手数料": draws.pick(size, "fee", ("100", "0"), (80, 20)),
            "延滞金": late.cast(pl.String),
            "督促状発送日": none.zip_with(unsent, sent),
            "現年滞繰区分": blank.zip_with(draws.chance(size, "vintage", 0.4), debts["vintage"]),
            "停止区分": debts["hold"].replace_strict(list(range(9)), ["0", "1", "2", "3", "4", "5", "6", "6", "9"]),
            "連絡禁止": own["do_not_contact"],
            "備考": draws.pick(size, "remark", REMARKS, (90, 3, 2, 2, 1, 1.5, 0.5)),
        }
    )


def bad_rows(written: pl.DataFrame, count: int) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Rows to put at the end, none of which may be taken, and what must be said of them: row, column, code.

    By turns a key that is there already, sums that do not agree, and one unreadable value of each kind.
    """
    rows, truth = [], []
    first = written.height + 2
    for index, row in enumerate(written.head(count).iter_rows(named=True)):
        kind = index % (len(BAD_VALUES) + 2)
        if kind == 0:
            column, code = "", "duplicate"
        elif kind == 1:
            row |= {"通知書番号": f"9{index:011d}", "調定額": "30000", "収入済額": "10000", "未納額": "25000"}
            column, code = "未納額", "sum"
        else:
            column, value, code = BAD_VALUES[kind - 2]
            row |= {"通知書番号": f"9{index:011d}", column: value}
        rows.append(row)
        truth.append({"row": first + index, "column": column, "code": code})
    return pl.DataFrame(rows, schema=written.schema), truth
