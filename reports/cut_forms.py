"""The cuts: the SQL of their keys, and what people read for a key."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.attempts.codes import CHANNEL_JA
from campaigns.segmentation.reasons import REASONS
from campaigns.segmentation.sentences import LADDER
from reports.cuts import Cut, CutForm
from reports.words import Words

AMOUNT_BOUNDS = (1, 10_000, 50_000, 100_000, 300_000, 1_000_000)
AGE_BOUNDS = (0, 31, 91, 181, 366)
WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NOTHING = 99
MOST_TRIES = 10
"""As in the join of `Cut.TRY`."""


def bucket_words(bounds: Sequence[int], unit: str, unit_en: str) -> dict[str, Words]:
    """The words of `width_bucket` over ascending bounds: bucket n from bounds[n − 1] to the next bound less one, the last one open."""
    words = {}
    for number, low in enumerate(bounds, start=1):
        if number == len(bounds):
            words[str(number)] = Words(f"{low:,}{unit}以上", f"{low:,} {unit_en} or more")
        else:
            high = bounds[number] - 1
            words[str(number)] = Words(f"{low:,}〜{high:,}{unit}", f"{low:,}–{high:,} {unit_en}")
    return words


KNOWN_NOW = {
    Cut.TAX: "SELECT DISTINCT debtor_id AS id, tax_code AS key FROM debt WHERE office_id = :office",
    Cut.VINTAGE: "SELECT DISTINCT debtor_id AS id, vintage AS key FROM debt WHERE office_id = :office",
    Cut.AMOUNT: "SELECT debtor_id AS id, width_bucket(sum(outstanding)::bigint, CAST(:amounts AS bigint[])) AS key FROM debt"
    " WHERE office_id = :office AND status = 'open' GROUP BY 1",
    Cut.AREA: r"SELECT id, left(regexp_replace(postal_code, '\D', '', 'g'), 5) AS key FROM debtor WHERE office_id = :office",
    Cut.LINE_TYPE: "SELECT id, line_type AS key FROM phone_number WHERE office_id = :office",
}
"""What is known now of each debtor, or of each number."""


def _joined(cut: Cut, of: str = "{debtor}") -> str:
    return f"LEFT JOIN ({KNOWN_NOW[cut]}) {{m}} ON {{m}}.id = {of}"


NO_TEAM = "-"
"""The key of operators of no team, which can be no team's name; calls of no operator at all have "" as with `Cut.OPERATOR`."""
_TEAM = "coalesce((SELECT coalesce(nullif(u.team, ''), '-') FROM app_user u WHERE u.office_id = :office AND u.id = :operator), '')"


def team_of(operator: str) -> str:
    """The SQL of an operator's present team."""
    return _TEAM.replace(":operator", operator)


UNCUT = CutForm(Words("全体", "All"), "0", "0", "''", "0")

FORMS: dict[Cut, CutForm] = {
    Cut.HOUR: CutForm(
        Words("時間帯", "Hour"),
        "extract(hour FROM a.began_at AT TIME ZONE :zone)::integer",
        "extract(hour FROM p.made_at AT TIME ZONE :zone)::integer",
        "lpad(key::text, 2, '0')",
        "extract(hour FROM slot AT TIME ZONE :zone)::integer",
        due_note=Words("約束をした時刻の時間帯に入れる。", "Promises due stand in the hour in which they were made."),
    ),
    Cut.DAY: CutForm(
        Words("日", "Day"),
        "(a.began_at AT TIME ZONE :zone)::date",
        "p.due_on + p.grace_days::integer",
        "key::text",
        "(slot AT TIME ZONE :zone)::date",
        due_note=Words("約束日+猶予日数の日に入れる。", "Promises due stand on the day of their date plus grace."),
    ),
    Cut.OPERATOR: CutForm(
        Words("オペレーター", "Operator"),
        "coalesce(a.operator_id, 0)",
        "coalesce(a.operator_id, p.made_by, 0)",
        "coalesce((SELECT u.sign_in_name FROM app_user u WHERE u.office_id = :office AND u.id = key), '')",
        "user_id",
        named="(SELECT u.display_name FROM app_user u WHERE u.office_id = :office AND u.id = key)",
    ),
    Cut.TEAM: CutForm(
        Words("班", "Team"),
        team_of("a.operator_id"),
        team_of("coalesce(a.operator_id, p.made_by)"),
        "key",
        team_of("user_id"),
        note=Words(
            "オペレーターがいま属する班による。班を移ると、それまでの架電も新しい班に数える。",
            "By the team the operator is in now: who moves takes the calls made before along.",
        ),
    ),
    Cut.CHANNEL: CutForm(
        Words("手段", "Channel"),
        "a.channel",
        "coalesce(a.channel, '')",
        "key",
        "'operator_call'::varchar",
    ),
    Cut.TAX: CutForm(
        Words("税目", "Tax"),
        "coalesce({m}.key, '')",
        "coalesce({m}.key, '')",
        "key",
        join=_joined(Cut.TAX),
        note=Words(
            "税目が複数ある人はそれぞれの税目に数えるため、行の合計は全体を超えることがある。",
            "A debtor with several taxes counts in each, so rows may add up to more than the total.",
        ),
        is_multiple=True,
    ),
    Cut.VINTAGE: CutForm(
        Words("現年・滞繰", "Vintage"),
        "coalesce({m}.key, '')",
        "coalesce({m}.key, '')",
        "key",
        join=_joined(Cut.VINTAGE),
        note=Words(
            "現年と滞繰の両方がある人は両方に数えるため、行の合計は全体を超えることがある。",
            "A debtor with both vintages counts in both, so rows may add up to more than the total.",
        ),
        is_multiple=True,
    ),
    Cut.SEGMENT: CutForm(
        Words("区分(規則)", "Segment (rule)"),
        "coalesce({m}.rule_code, '')",
        "coalesce({m}.rule_code, '')",
        "key",
        join=(
            "LEFT JOIN (SELECT debtor_id, campaign_id, rule_code FROM channel_assignment WHERE office_id = :office"
            " UNION SELECT debtor_id, NULL, rule_code FROM channel_assignment WHERE office_id = :office) {m}"
            " ON {m}.debtor_id = {debtor} AND {m}.campaign_id IS NOT DISTINCT FROM a.campaign_id"
        ),
        note=Words(
            "区分と規則は同じもの: 手段を決めた規則に当てはまる人を、一つの区分とする。業務の外の架電は、その人のすべての規則に数える。",
            "Segment and rule are one: the persons for whom a rule chose the channel are a segment."
            " An attempt outside any campaign counts in each rule of the debtor.",
        ),
        is_multiple=True,
    ),
    Cut.WEEKDAY: CutForm(
        Words("曜日", "Weekday"),
        "extract(isodow FROM a.began_at AT TIME ZONE :zone)::integer",
        "extract(isodow FROM p.made_at AT TIME ZONE :zone)::integer",
        "key::text",
        "extract(isodow FROM slot AT TIME ZONE :zone)::integer",
        due_note=Words("約束をした曜日に入れる。", "Promises due stand on the weekday on which they were made."),
    ),
    Cut.WEEK: CutForm(
        Words("週", "Week"),
        "date_trunc('week', a.began_at AT TIME ZONE :zone)::date",
        "date_trunc('week', p.due_on + p.grace_days::integer)::date",
        "key::text",
        "date_trunc('week', slot AT TIME ZONE :zone)::date",
        note=Words("月曜日に始まる週。", "Weeks begin on Monday."),
    ),
    Cut.MONTH: CutForm(
        Words("月", "Month"),
        "to_char(a.began_at AT TIME ZONE :zone, 'YYYY-MM')",
        "to_char(p.due_on + p.grace_days::integer, 'YYYY-MM')",
        "key",
        "to_char(slot AT TIME ZONE :zone, 'YYYY-MM')",
    ),
    Cut.CAMPAIGN: CutForm(
        Words("業務", "Campaign"),
        "coalesce(a.campaign_id, 0)",
        "coalesce(a.campaign_id, 0)",
        "CASE WHEN key = 0 THEN '' ELSE key::text END",
        named="(SELECT c.name FROM campaign c WHERE c.office_id = :office AND c.id = key)",
    ),
    Cut.CYCLE: CutForm(
        Words("周期", "Cycle"),
        "coalesce(lpad({m}.number::text, 3, '0'), '')",
        "coalesce(lpad({m}.number::text, 3, '0'), '')",
        "key",
        join=(
            "LEFT JOIN LATERAL (SELECT max(y.number) AS number FROM campaign_cycle y WHERE y.office_id = :office"
            " AND y.campaign_id = a.campaign_id AND (a.began_at AT TIME ZONE :zone)::date BETWEEN y.starts_on AND y.ends_on) {m} ON true"
        ),
        note=Words(
            "業務の何番目の周期に架電したか。二つの周期にかかる日は、後の周期に数える。",
            "Which cycle of its campaign the attempt was made in; a day of two cycles counts in the later one.",
        ),
    ),
    Cut.SCRIPT: CutForm(
        Words("台本", "Script"),
        "a.script_version",
        "coalesce(a.script_version, '')",
        "key",
    ),
    Cut.AMOUNT: CutForm(
        Words("未納額", "Amount owed"),
        f"coalesce({{m}}.key, {NOTHING})",
        f"coalesce({{m}}.key, {NOTHING})",
        "key::text",
        join=_joined(Cut.AMOUNT),
        note=Words("いま未納の本税の合計による。", "By the principal that is outstanding now."),
    ),
    Cut.AREA: CutForm(
        Words("地域", "Area"),
        "coalesce({m}.key, '')",
        "coalesce({m}.key, '')",
        "key",
        join=_joined(Cut.AREA),
        note=Words("郵便番号の上5桁。", "The first five digits of the postal code."),
    ),
    Cut.TRY: CutForm(
        Words("何回目", "Attempt number"),
        "coalesce({m}.nth, 0)",
        "coalesce({m}.nth, 0)",
        "lpad(key::text, 2, '0')",
        join=(
            "LEFT JOIN (SELECT t.id, least(row_number() OVER (PARTITION BY t.debtor_id ORDER BY t.began_at, t.id), 10) AS nth"
            " FROM attempt t WHERE t.office_id = :office AND t.began_at >= :start AND t.began_at < :end"
            " AND (t.handed_over_at IS NOT NULL OR t.source = 'imported') AND t.line_result IS DISTINCT FROM :failed) {m} ON {m}.id = a.id"
        ),
        note=Words(
            "その人への、期間内で何回目の連絡か(手段を問わない。10回目からはまとめる)。",
            "The first, second … attempt to reach the person within the period, by whatever channel; from the tenth on together.",
        ),
        due_note=Words("期間より前の架電でした約束は「期間前」に入れる。", "Promises of calls before the period stand apart."),
    ),
    Cut.LINE_TYPE: CutForm(
        Words("回線の種類", "Line type"),
        "coalesce({m}.key, '')",
        "coalesce({m}.key, '')",
        "key",
        join=_joined(Cut.LINE_TYPE, "a.phone_id"),
    ),
    Cut.SINCE_DUE: CutForm(
        Words("納期限からの日数", "Days since due"),
        f"coalesce(width_bucket((a.began_at AT TIME ZONE :zone)::date - {{m}}.due_on, ARRAY{list(AGE_BOUNDS)}), {NOTHING})",
        f"coalesce(width_bucket((p.made_at AT TIME ZONE :zone)::date - {{m}}.due_on, ARRAY{list(AGE_BOUNDS)}), {NOTHING})",
        "key::text",
        join=(
            "LEFT JOIN (SELECT debtor_id, min(due_on) AS due_on FROM debt WHERE office_id = :office AND status = 'open' GROUP BY 1) {m}"
            " ON {m}.debtor_id = {debtor}"
        ),
        note=Words(
            "いま未納のうち最も古い納期限から、架電の日まで。", "From the oldest due date that is unpaid now to the day of the attempt."
        ),
    ),
}

CHANNEL_LABELS = {str(channel): Words(name, channel.value.replace("_", " ")) for channel, name in CHANNEL_JA.items()}
VINTAGE_LABELS = {"current": Words("現年", "current year"), "carried_over": Words("滞繰", "carried over")}
LINE_TYPE_LABELS = {
    "mobile": Words("携帯", "mobile"),
    "fixed": Words("固定", "fixed"),
    "ip": Words("IP電話", "IP"),
    "toll_free": Words("フリーダイヤル", "toll-free"),
    "unknown": Words("不明", "unknown"),
}
CODE_LABELS: dict[Cut, dict[str, Words]] = {
    Cut.TEAM: {NO_TEAM: Words("班なし", "no team")},
    Cut.CHANNEL: CHANNEL_LABELS,
    Cut.SEGMENT: {code: Words(*words) for code, words in (REASONS | {"ladder": LADDER}).items()},
    Cut.VINTAGE: VINTAGE_LABELS,
    Cut.LINE_TYPE: LINE_TYPE_LABELS,
    Cut.WEEKDAY: {str(number): Words(ja, en) for number, (ja, en) in enumerate(zip("月火水木金土日", WEEKDAYS_EN, strict=True), start=1)},
    Cut.AMOUNT: bucket_words(AMOUNT_BOUNDS, "円", "yen") | {str(NOTHING): Words("未納なし", "nothing owed")},
    Cut.SINCE_DUE: bucket_words(AGE_BOUNDS, "日", "days")
    | {"0": Words("納期限前", "not due yet"), str(NOTHING): Words("未納なし", "nothing owed")},
    Cut.TRY: {"00": Words("期間前", "before"), "10": Words("10回目以上", "10th or later")},
}
NOTHING_TOLD = Words("記載なし", "not told")
_NUMBERED = frozenset({Cut.HOUR, Cut.TRY, Cut.CYCLE})
NO_KEY: dict[Cut, Words] = {
    Cut.OPERATOR: Words("担当者なし", "no operator"),
    Cut.TEAM: Words("担当者なし", "no operator"),
    Cut.CHANNEL: Words("手段なし", "no channel"),
    Cut.CAMPAIGN: Words("業務の外", "outside any campaign"),
    Cut.CYCLE: Words("周期の外", "outside any cycle"),
    Cut.TAX: Words("税目なし", "no tax"),
    Cut.VINTAGE: Words("区分なし", "no vintage"),
    Cut.SEGMENT: Words("規則なし", "no rule"),
    Cut.SCRIPT: Words("台本の記録なし", "no script recorded"),
    Cut.AREA: Words("郵便番号なし", "no postal code"),
    Cut.LINE_TYPE: Words("番号の記録なし", "no number recorded"),
}


TAX_NAMES = """
SELECT key, (SELECT d.tax_name FROM debt d WHERE d.office_id = :office AND d.tax_code = key AND d.tax_name <> '' LIMIT 1) AS name
FROM unnest(CAST(:keys AS text[])) key"""
RULE_NAMES = """
SELECT DISTINCT ON (rule ->> 'code') rule ->> 'code', rule ->> 'name'
FROM rule_set s CROSS JOIN LATERAL jsonb_array_elements(s.document -> 'rules') rule
WHERE s.office_id = :office AND rule ->> 'code' = ANY(CAST(:keys AS text[])) AND coalesce(rule ->> 'name', '') <> ''
ORDER BY rule ->> 'code', s.id DESC"""
NAMES_OF: dict[Cut | None, str] = {Cut.TAX: TAX_NAMES, Cut.SEGMENT: RULE_NAMES}
"""(key, name) of what an office names itself; a rule is called what its latest version calls it."""


def label(cut: Cut | None, key: str, name: str = "") -> Words:
    """What people read for a row's key: a person's name with the sign-in name, which alone is unique."""
    if cut is None:
        return UNCUT.name
    if (known := CODE_LABELS.get(cut, {}).get(key)) is not None and not name:
        return known
    if not key:
        return NO_KEY.get(cut, NOTHING_TOLD)
    if cut in _NUMBERED and not (key.isascii() and key.isdecimal()):
        return Words(key, key)  # of an address somebody wrote
    if cut is Cut.HOUR:
        return Words(f"{int(key)}時", f"{key}:00")
    if cut is Cut.TRY:
        return Words(f"{int(key)}回目", f"no. {int(key)}")
    if cut is Cut.CYCLE:
        return Words(f"第{int(key)}周期", f"cycle {int(key)}")
    if cut is Cut.CAMPAIGN:
        return Words(name or key, name or key)
    text = f"{name} ({key})" if name and name != key else key
    return Words(text, text)
