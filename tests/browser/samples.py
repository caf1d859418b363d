"""Sample view models, one per page and state, with invented people and figures that add up; also what the templates' comments promise, as data."""

# ruff: noqa: E501
from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from callcenter.core.clock import OFFICE_ZONE
from callcenter.web.i18n import translator
from callcenter.web.ladder_form import values_of
from callcenter.web.ladder_model import form_model
from callcenter.web.report_model import COLUMNS
from campaigns.planning.conduct import Conduct
from tests.browser import message_samples as texts
from tests.browser import payment_samples as money
from tests.browser.policy_samples import POLICY_PAGES

NOW = datetime(2026, 11, 18, 14, 4, 29, tzinfo=OFFICE_ZONE)
Model = dict[str, Any]


def option(value: Any, label: str, is_chosen: bool = False) -> Model:
    return {"value": value, "label": label, "is_chosen": is_chosen}


def state(kind: str, image: str, word: str) -> Model:
    return {"kind": kind, "image": image, "word": word}


def shell(title: str, current: str = "calls", role: str = "operator", status: str = "", **changes: Any) -> Model:
    names = {"operator": ("calls", "callbacks", "handovers"), "supervisor": ("board", "report", "rules", "lists")}.get(role, ())
    counts = {"callbacks": 3}
    nav = [{"name": name, "href": f"/{name}", "count": counts.get(name), "is_current": name == current} for name in names]
    return {
        "office_name": "架空市",
        "title": title,
        "nav": nav,
        "subnav": [],
        "user": {"name": "佐伯" if role == "operator" else "堀", "role": role},
        "csrf_token": "c" * 43,
        "now": NOW,
        "live_url": "/console/events",
        "status": status,
        "hints": [],
        "is_read_only": False,
        "lock_minutes": 0,
    } | changes


def phone(name: str, seconds: int, **changes: Any) -> Model:
    return {
        "state": name,
        "since": NOW - timedelta(seconds=seconds),
        "attempt_id": 77,
        "number": "000-000-0142",
        "number_note": "固定・同居の方と共用",
        "is_verified": None,
        "kind": "browser",
        "kinds": ["browser", "desk"] if name in ("idle", "paused") else [],
        "has_softphone": True,
        "is_line_up": True,
        "can_keys": True,
        "talk": None,
        "told": "",
        "officers": [option(9, "戸田"), option(10, "川上")],
        "reasons": [option("complaint", "苦情", True), option("language", "言語対応")],
        "is_muted": False,
        "pause_after": False,
        "can_hold": True,
        "can_transfer": True,
        "pause_reasons": [option("lunch", "昼休憩", True), option("short", "小休憩"), option("office", "事務")],
        "paused_for": "",
        "ended": None,
        "after": [option("ready", "待機（次の電話を受ける）", True), option("paused", "離席")],
    } | changes


PERSON = {
    "name": "見本 佳代",
    "kana": "ミホン カヨ",
    "honorific": "様",
    "tries": "今週 2回目（上限 3回）",
    "good_time": "平日 13時〜15時",
    "manner": "ゆっくり、はっきりと",
    "manner_note": "11月16日の申し出",
}
EARLIER = [
    {"at": datetime(2026, 11, 16, 10, 42, tzinfo=OFFICE_ZONE), "text": "ご家族が応対、伝言のみ"},
    {"at": datetime(2026, 11, 12, 13, 20, tzinfo=OFFICE_ZONE), "text": "呼び出しのみ（25秒）"},
]
DODONT = {
    "may": "市役所の名、自分の名、代表番号と受付時間、また電話すること",
    "must_not": "用件、所属の課、送った書類、用件を思わせる言葉のすべて",
}
OPENING = "「恐れ入ります。架空市役所の佐伯と申します。見本 佳代様でいらっしゃいますか。」"


def branch(n: str, label: str, say: str, action: str = "", consequence: str = "", is_chosen: bool = False) -> Model:
    return {
        "n": n, "value": f"branch_{n}", "label": label, "say": say, "ends": bool(action),
        "action": action, "consequence": consequence, "is_chosen": is_chosen,
    }  # fmt: skip


BRANCHES = [
    branch(
        "1",
        "本人だと言った",
        "「お電話でお伝えしたいことがございます。はじめに、ご本人様の確認をさせてください。"
        "お名前をフルネームで、続けて生年月日をお願いいたします。」",
        is_chosen=True,
    ),
    branch(
        "2",
        "家族・同居の方が出た",
        "「承知しました。あらためてお電話いたします。」",
        "伝言を記録して次へ",
        "次回は11月20日(金)以降の別の時間帯。今日はもう掛けません。",
    ),
    branch("3", "用件を聞かれた", "「ご本人様に直接お伝えすることになっております。」"),
    branch("4", "詐欺ではと疑われた", "「ご心配はごもっともです。市の広報紙に載っている代表番号へお掛け直しください。」"),
    branch(
        "5",
        "確認を断られた",
        "「承知しました。書面でのご連絡に改めます。」",
        "断りを記録して次へ",
        "管理者の一覧へ送ります。自動では掛け直しません。",
    ),
    branch("6", "番号の間違いだった", "「失礼いたしました。」", "間違いを記録して次へ", "この番号を止め、別の番号に切り替えます。"),
    branch(
        "7", "留守番電話だった", "「架空市役所の佐伯です。あらためてお電話いたします。」", "留守番電話を記録して次へ", "次回は別の曜日。"
    ),
    branch("8", "無言、または切れた", "10秒待って、返事がなければ切ります。", "無言を記録して次へ", "次回はあす以降。"),
]


def check(name: str, label: str, help: str, **changes: Any) -> Model:
    entry = {"name": name, "label": label, "help": help, "is_required": False, "state": "open", "said": "", "tries_left": 3}
    return entry | {"inputmode": "text"} | changes


CHECKS = {
    "matched": 1,
    "needed": 2,
    "can_go_on": False,
    "remaining": 1,
    "entries": [
        check("name", "氏名（フルネーム）", "", is_required=True, state="matched", said="ミホン カヨ"),
        check("born_on", "生年月日", "例：S55.4.3、19800403", inputmode="numeric"),
        check("address", "住所（町名と番地）", "生年月日を断られたとき", state="failed", tries_left=2),
    ],
}


def debt(id: int, label: str, due: date, principal: int, charge: int, is_included: bool = False, is_carried: bool = False) -> Model:
    return {
        "id": id, "label": label, "is_carried": is_carried, "due_on": due, "principal": principal, "fee": 100, "charge": charge,
        "total": principal + 100 + charge, "is_included": is_included,
    }  # fmt: skip


DEBT_GROUPS = [
    [
        debt(1, "市県民税 令和7年度 4期", date(2026, 2, 2), 36_000, 2_400, True, True),
        debt(2, "市県民税 令和8年度 1期", date(2026, 6, 30), 38_200, 1_100, True),
        debt(3, "市県民税 令和8年度 2期", date(2026, 8, 31), 36_000, 0),
    ],
    [debt(4, "固定資産税 令和8年度 2期", date(2026, 7, 31), 46_000, 1_000)],
    [debt(5, "国民健康保険税 令和8年度 3期", date(2026, 9, 30), 24_700, 0)],
]
ALL_DEBTS = [entry for group in DEBT_GROUPS for entry in group]


def choice(n: str, value: str, label: str, *lines: str, needs: str = "", note: str = "", is_chosen: bool = False) -> Model:
    return {
        "n": n,
        "value": value,
        "label": label,
        "is_chosen": is_chosen,
        "lines": list(lines),
        "needs": needs,
        "note": note,
        "say": "「承知しました。」",
    }


PROMISE_LINES = (
    "12月9日(水)まで架電しない（入金の反映待ちを含む）",
    "11月24日(火)のSMSを、約束の確認文に差し替え",
    "納付書2期分の再発行を納税課へ依頼",
)
MONTHS = [
    {
        "label": "2026年11月",
        "weekdays": list("月火水木金土日"),
        "weeks": [
            [
                {
                    "day": date(2026, 11, day),
                    "note": "勤労感謝の日" if day == 23 else "",
                    "is_closed": day in (21, 22, 23),
                    "is_past": day < 18,
                }
                for day in range(start, start + 7)
            ]
            for start in (16, 23)
        ],
    }
]
CHOICES = [
    choice("1", "promise_full", "納付約束（全額）", *PROMISE_LINES, needs="promise"),
    choice("2", "promise_part", "納付約束（一部）", *PROMISE_LINES, needs="promise", is_chosen=True),
    choice(
        "3",
        "claims_paid",
        "納付済みと申告",
        "12月2日(水)まで、電話もSMSも止める",
        note="入金の反映を14日待ちます。納めた日と場所をメモに残してください。",
    ),
    choice("4", "reissue_slip", "納付書の再発行", "納付書5期分の再発行を納税課へ依頼"),
    choice("5", "callback_promised", "折り返しの約束", "約束の日時に、ほかより先に掛け直す", needs="callback"),
    choice("6", "instalment_to_officer", "分納の相談", "徴税吏員へ引き継ぐ", note="分納の可否は徴税吏員が決めます。"),
    choice("7", "hardship", "納付が難しい", "徴税吏員の相談につなぐ"),
    choice("8", "refuses", "拒否・異議", "チームリーダーの一覧へ送る", "自動では掛け直さない"),
    choice("9", "interrupted", "途中で切れた", "今日 15:00以降に、もう1回だけ掛ける"),
    choice("0", "other", "その他の結果…", needs="other"),
]


def case() -> Model:
    return {
        "attempt_id": 77,
        "person": {
            "name": "見本 佳代",
            "kana": "ミホン カヨ",
            "honorific": "様",
            "number": "0001 2345 678",
            "address": "架空市本町二丁目0番0号",
            "manner": "ゆっくり、はっきりと",
            "verified_by": "氏名・生年月日",
            "verified_at": datetime(2026, 11, 18, 14, 2, 31, tzinfo=OFFICE_ZONE),
        },
        "say": {
            "text": "「いまお納めがお済みでない分は、5期分で18万5,900円です。いつごろ、どのくらいお納めいただけそうでしょうか。」",
            "href": "/console/script",
        },
        "household": "同じ世帯に対象者あり。内容は話せません",
        "debts": {
            "groups": DEBT_GROUPS,
            "count": len(ALL_DEBTS),
            **{name: sum(entry[name] for entry in ALL_DEBTS) for name in ("principal", "fee", "charge", "total")},
            "posted_note": "入金は11月16日(月)納付分まで反映",
            "charge_note": "延滞金は11月18日(水)に納めた場合の額で、未確定です。計算額が1,000円に満たない期は0円です。",
        },
        "memo": {
            "text": "一度に全部は難しいとのこと。25日の給料のあと、古い分から2期を納める。納付書は見当たらず、再発行を希望。",
            "saved_at": datetime(2026, 11, 18, 14, 4, 22, tzinfo=OFFICE_ZONE),
        },
        "history": {
            "total": 14,
            "href": "/cases/20-00418/history",
            "entries": [
                {"on": date(2026, 11, 16), "image": "phone", "text": "ご家族が応対、伝言のみ", "detail": "10:42 水野"},
                {"on": date(2026, 11, 12), "image": "noans", "text": "呼び出しのみ（25秒）", "detail": "13:20 自動発信"},
                {"on": date(2026, 11, 5), "image": "letter", "text": "催告書を発送", "detail": "指定期限 11月16日(月)"},
                {"on": date(2026, 10, 23), "image": "yen", "text": "入金を反映 48,200円", "detail": "納付は10月14日(水)。固定 1期 完納"},
            ],
        },
        "promises": {
            "kept": 1,
            "made": 2,
            "note": "給料日は毎月25日（10月14日の聞き取り）",
            "rows": [
                {"on": date(2026, 10, 14), "amount": 48_200, "state": "kept"},
                {"on": date(2026, 7, 31), "amount": 38_300, "state": "broken"},
            ],
        },
        "outcome": {
            "line_result": "応答",
            "party": "本人",
            "choices": CHOICES,
            "more": [
                choice("01", "death_move_absence", "死亡・転出・長期不在の情報", "調査の一覧へ送る"),
                choice("02", "complaint", "苦情", "チームリーダーに知らせる"),
            ],
            "dates": [
                {"value": date(2026, 11, 20), "note": "2日後", "is_chosen": False},
                {"value": date(2026, 11, 25), "note": "給料日", "is_chosen": True},
                {"value": date(2026, 11, 30), "note": "月末", "is_chosen": False},
            ],
            "amounts": [
                {"value": 38_500, "note": "古い1期", "is_chosen": False},
                {"value": 77_900, "note": "古い2期", "is_chosen": True},
                {"value": 185_900, "note": "全部", "is_chosen": False},
            ],
            "callbacks": [{"value": at.isoformat(), "at": at} for at in (NOW + timedelta(hours=1), NOW + timedelta(hours=20))],
            "callback_until": date(2027, 1, 17),
            "today": date(2026, 11, 18),
            "months": MONTHS,
            "escalations": [option("hardship", "納付困難・相談希望"), option("complaint", "苦情")],
            "seen": "5:185900",
        },
        "kept_form": "",
        "lease": None,
    }


def unverified_case() -> Model:
    """A call that ended before anybody was verified: only who answered is written down."""
    model = case()
    neutral = [choice("1", "callback_message_left", "伝言のみ", "別の曜日と時間帯に、自動で掛け直す"), choice("2", "no_result", "結果なし")]
    return model | {
        "person": model["person"] | {"number": "", "address": "", "verified_at": None, "verified_by": ""},
        "say": {"text": "メモと結果を確かめて、保存します。", "href": ""},
        "debts": None,
        "memo": {"text": "", "saved_at": None},
        "history": {"total": 0, "href": "", "entries": []},
        "promises": {"kept": 0, "made": 0, "note": "", "rows": []},
        "outcome": model["outcome"]
        | {
            "party": "本人(未確認)",
            "choices": neutral,
            "more": [],
            "dates": [],
            "amounts": [],
            "months": [],
            "escalations": [],
            "seen": "",
        },
        "lease": {"until": NOW + timedelta(seconds=15), "total_seconds": 90, "warn_seconds": 20, "extend_seconds": 60},
    }


def operator(name: str, title: str, status: str, strip: Model, fields: Model, **changes: Any) -> tuple[str, Model]:
    model = {
        "shell": shell(title, status=status, **changes),
        "stage": {"name": name, "key": f"{name}:77", "answered_at": None},
        "phone": strip,
        "has_new_debts": False,
        "reminders": [{"id": 9, "at": NOW + timedelta(minutes=3)}],
        "undo": {"attempt_id": 76, "until": NOW + timedelta(seconds=8)} if name in ("idle", "ringing") else None,
    }
    return "operator.html", model | fields


def before() -> Model:
    return {"attempt_id": 77, "person": PERSON, "earlier": EARLIER, "script": {"opening": OPENING}, "dodont": DODONT}


def idle(is_ready: bool, **changes: Any) -> Model:
    return {
        "idle": {
            "is_ready": is_ready,
            "reason": "",
            "campaign": "11月の架電",
            "hours": "10:00〜17:00",
            "waiting": 124,
            "can_request": False,
            "today": [
                {"label": "架電", "value": "61", "note": "チーム 236"},
                {"label": "本人と話した", "value": "20", "note": "チーム 74"},
                {"label": "時間当たり", "value": "14.2", "note": "目安 14"},
            ],
            "owed": [{"attempt_id": 70, "at": NOW - timedelta(minutes=9)}],
            "callbacks": [
                {"at": NOW + timedelta(minutes=56), "case_no": "20-00365", "note": "携帯・本人の希望", "href": ""},
            ],
        }
        | changes
    }


def tile(label: str, base: str, value: str, unit: str, percent: float, target: float | None, text: str, **more: Any) -> Model:
    return {
        "label": label, "base": base, "value": value, "unit": unit, "href": "/calls", "percent": percent, "target": target, "target_text": text,
        "is_warning": False, "change": "", "state": None, "definition": None,
    } | more  # fmt: skip


def board() -> Model:
    ok = "check"
    figures = [
        tile("架電", "", "236", "件", 65.6, 59.4, "目標 360（今の目安 214）", state=state("ok", ok, "目安より22件多い")),
        tile("コンタクト率", "架電あたり", "31.4", "%", 62.8, 60, "目標 30%（74 / 236）", state=state("ok", ok, "目標どおり")),
        tile("約束率", "接触あたり", "24.3", "%", 60.8, 62.5, "目標 25%（18 / 74）", state=state("", "info", "あと1件で目標")),
        tile("時間当たり架電", "", "14.2", "件", 71, 70, "目標 14（16.6時間）", state=state("ok", ok, "目標どおり")),
        tile(
            "放棄率", "応答あたり", "1.8", "%", 60, 98.6, "上限 3.0%（2 / 113）",
            is_warning=True, state=state("warn", "warn", "今日はあと1件"),
        ),
        tile("折り返し", "", "9", "件", 55.6, None, "済み 5・残り 4", state=state("err", "warn", "期限切れ 1")),
    ]  # fmt: skip
    rows = [
        ("佐伯", state("run", "phone", "通話中"), "", 161, "20-00418", "", 61, 20, 5, 14.2, False),
        ("水野", state("warn", "pen", "後処理・超過"), "目安90秒を18秒超過", 108, "20-00392", "", 57, 17, 4, 13.6, True),
        ("三枝", state("", "clock", "待機"), "", 11, "", "呼び出し中 1件", 63, 21, 6, 14.7, False),
        ("広瀬", state("off", "hold", "離席（昼休憩）"), "", 1206, "", "14:15に戻る予定", 55, 16, 3, 14.5, False),
    ]
    names = ("name", "state", "state_note", "seconds", "case_no", "case_note", "calls", "contacts", "promises", "per_hour", "is_over")
    people = [dict(zip(names, row, strict=True)) for row in rows]
    for person in people:
        person |= {"since": NOW - timedelta(seconds=person["seconds"]), "href": "/supervisor/operators/1", "pause_user_id": None}
        person |= {"watchers": "堀 聴いています" if person["name"] == "佐伯" else "", "listen_user_id": 1}
    hours = [("9時", 44, "25%"), ("10", 52, "29%"), ("11", 47, "30%"), ("12", 31, "29%"), ("13", 58, "40%"), ("14", 4, "途中")]
    columns = [{"label": label, "value": value, "is_partial": label == "14", "note": note} for label, value, note in hours]
    columns += [{"label": label, "value": None, "is_partial": False, "note": ""} for label in ("15", "16")]
    skipped = [
        ("入金を反映し、完納", "取り下げた", 37),
        ("週の上限（3回）に達した", "11月24日(火)に戻す", 28),
        ("会話から7日たっていない", "7日のあとに戻す", 19),
        ("分納を履行中", "履行が続く間は止める", 15),
        ("支払済みと申告、確認中", "14日待って、入金を確かめる", 12),
    ]
    modes = [("listen", "聴く", "L"), ("whisper", "ささやく", "K"), ("barge", "加わる", "B"), ("take_over", "代わる", "O")]
    return {
        "figures": figures,
        "supervision": {
            "mine": {
                "operator": "佐伯", "user_id": 1, "is_ringing": False, "mode": "聴いています",
                "modes": [{"value": v, "label": label, "key": key, "is_on": v == "listen", "is_open": True} for v, label, key in modes],
            },
            "next_user_id": 2, "next_name": "水野", "problem": "",
        },
        "pace": [
            {"name": "十一月の催告", "asked": "予測", "mode": "順次", "is_other": True, "is_stopped": True,
             "why": "回線側の障害で発信が続けて失敗しました。間をおいて1件ずつ試します", "today": "1.8% (2/113)",
             "month": "1.2% (31/2,604)", "limit": "3.0%", "is_over": False, "lines": 2, "ringing": 1},
        ],
        "operators": {
            "summary": "4人中 通話 1・後処理 1・待機 1・離席 1", "rows": people,
            "calls": 236, "contacts": 74, "promises": 18, "per_hour": 14.2,
        },
        "lines": [
            {"label": "回線", "value": "2", "unit": "", "of": "8", "note": "通話 1・呼び出し 1", "href": "", "state": None},
            {"label": "発信比", "value": "1.0", "unit": "", "of": "", "note": "", "href": "",
             "state": state("warn", "warn", "1.2から自動で下げた")},
            {"label": "待機の平均", "value": "34", "unit": "秒", "of": "", "note": "目安 20〜40秒", "href": "", "state": None},
            {"label": "残りの案件", "value": "418", "unit": "", "of": "", "note": "今日掛けられるのは約124", "href": "/w", "state": None},
        ],
        "hours": {"description": "9時44件25%、10時52件29%、11時47件30%、12時31件29%、13時58件40%", "top": 60, "columns": columns},
        "skipped": {
            "total": 111,
            "hour": 9,
            "rows": [{"reason": reason, "then": then, "count": count, "hour": count // 12, "href": "/skipped"} for reason, then, count in skipped],
        },
        "notices": {
            "open": 2,
            "rows": [
                {"state": state("err", "warn", "期限切れ"), "at": NOW - timedelta(minutes=25), "text": "折り返し1件が期限を25分過ぎました。",
                 "href": "/c", "href_text": "20-00377", "action": {"label": "三枝さんに割り当て", "url": "/a", "fields": {"user": 3}}},
                {"state": state("off", "info", "お知らせ"), "at": NOW - timedelta(hours=1), "text": "入金412件を反映しました。",
                 "href": "", "href_text": "", "action": None},
            ],
        },
        "callbacks": {
            "done": 5,
            "href": "/callbacks",
            "rows": [
                {"due": NOW - timedelta(minutes=25), "case_no": "20-00377", "href": "/c", "note": "固定・家族に伝言", "user": "水野",
                 "state": state("err", "warn", "25分超過"), "is_late": True},
                {"due": NOW + timedelta(minutes=10), "case_no": "20-00401", "href": "/c", "note": "携帯・本人の希望", "user": "三枝",
                 "state": state("", "clock", "10分後"), "is_late": False},
            ],
        },
    }  # fmt: skip


def counts(label: str, calls: int, hours: float | None, contacts: int, promises: int) -> Model:
    return {
        "label": label, "name": label, "href": "", "calls": calls, "hours": hours, "per_hour": calls / hours if hours else None,
        "contacts": contacts, "contact_rate": contacts / calls if calls else None, "promises": promises,
        "promise_rate": promises / contacts if contacts else None,
        "attempts_href": "/reports/calls?metric=attempts", "contacts_href": "/reports/calls?metric=contacts", "promises_href": None,
    }  # fmt: skip


def heat() -> Model:
    def cell(hour: int, day: int) -> Model | None:
        if hour == 17 and day != 2:
            return None
        n = 18 if (hour, day) == (12, 5) else 70 + (hour * 13 + day * 29) % 60
        percent = 23 + (hour * 7 + day * 5) % 20
        band = "few" if n < 30 else "abcde"[min(4, max(0, (percent - 20) // 5))]
        return {"percent": percent, "n": n, "band": band, "href": "/reports/calls?by=hour"}

    rows = [{"label": f"{hour}時", "cells": [cell(hour, day) for day in range(6)]} for hour in range(9, 18)]
    return {"days": list("月火水木金日"), "rows": rows, "few": 30}


def report() -> Model:
    first = date(2026, 10, 19)
    days = [first + timedelta(days=at) for at in range(30) if (first + timedelta(days=at)).weekday() < 5]
    definition = {
        "numerator": "本人と確認できた通話 1,221",
        "denominator": "架電 3,940",
        "note": "留守電、家族、間違いは含まない。定義 第3版",
    }
    figures = [
        tile("架電", "合計", "3,940", "件", 99.5, 98.6, "目標 3,960（12日）", change="前月より ＋118", definition=definition),
        tile("コンタクト率", "架電あたり", "31.0", "%", 62, 60, "目標 30%", change="前月より ＋1.2pt", definition=definition),
        tile("接触率", "人あたり", "26.5", "%", 53, None, "目標 なし（参考）", change="前月より ＋0.8pt", definition=definition),
        tile("約束率", "接触あたり", "25.0", "%", 62.5, 62.5, "目標 25%", change="前月より −0.4pt", definition=definition),
        tile("履行率", "期日到来あたり", "65.0", "%", 65, 60, "目標 60%", change="前月より ＋3.1pt", definition=definition),
        tile("時間当たり架電", "稼働あたり", "13.0", "件", 65, 70, "目標 14", change="前月より ＋0.3", definition=definition),
    ]
    people = [("名簿", 6100, None, "対象の人（11月名簿 第2版）"), ("番号判明", 4030, 0.661, "名簿のうち"), ("接触", 1068, 0.265, "番号判明のうち"),
              ("約束", 289, 0.271, "接触のうち"), ("履行", 132, 0.65, "約束のうち、期日が来た203人が分母"), ("納付", 104, 0.788, "履行のうち")]  # fmt: skip
    return {
        "page": {
            "from_on": date(2026, 11, 1), "to_on": date(2026, 11, 17), "note": "入金は11月16日(月)納付分まで反映",
            "period": "2026年11月1日(日)〜2026年11月17日(火)", "late": "うち3日は翌日より後に数え直しました（最後は11月17日(火) 9:00）。",
            "url": "/report?from=2026-11-01&to=2026-11-17", "csv_url": "/report.csv", "excel_url": "", "pdf_url": "", "pack_url": "",
            "by_options": [option("hour", "時間帯", True)], "channel_options": [option("operator_call", "電話催告", True)],
            "campaign_options": [option("", "すべて", True)], "kinds": [option("", "すべて", True), option("resident", "市県民税")], "years": [option("western", "西暦", True), option("era", "和暦")],
            "compares": [option("", "前月の同じ営業日数", True)], "errors": [], "address": "from=2026-11-01", "staff": "班: 1班", "staff_note": "",
            "operator_options": [option("", "すべて", True)], "team_options": [option("", "すべて"), option("1班", "1班", True)],
            "views": [{"id": 1, "name": "先月の時間帯別", "url": "/reports?by=hour"}],
        },
        "meaning": dict.fromkeys((*COLUMNS, "kept_rate"), "架電件数: 回線事業者に渡した発信の件数"),
        "figures": figures,
        "heat": heat(),
        "funnel": [
            {"name": name, "count": count, "href": "/people", "percent_of_first": round(count / 61, 2),
             "waiting_percent": 1.41 if name == "履行" else 0, "share": share, "base": base}
            for name, count, share, base in people
        ],
        "funnel_notes": ["割合の分母は段階ごとに違います。電話の効果だけを表す数ではありません。"],
        "trend": {
            "days": [day.isoformat() for day in days],
            "labels": [f"{day.month}/{day.day}" for day in days],
            "top": 50,
            "series": [
                {"name": "コンタクト率（架電あたり）", "target": 30, "values": [27 + (at * 7) % 6 for at in range(len(days))]},
                {"name": "約束率（接触あたり）", "target": 25, "values": [None if at == 3 else 22 + (at * 5) % 7 for at in range(len(days))]},
            ],
            "events": [{"on": "2026-10-26", "label": "催告書 2,140通"}, {"on": "2026-11-02", "label": "納期限"}],
            "holidays": ["2026-11-03"],
        },
        "by_hour": [counts(f"{hour}時", 400 + hour * 9, 38.0, 120 + hour, 30 + hour % 4) for hour in range(9, 17)],
        "by_cut": {"title": "税目", "of": "税目", "note": "", "rows": [counts("10", 400, None, 120, 30) | {"kept": "65.0%"}]},
        "by_operator": {
            "note": "4人の約束率の差（23.1〜25.8%）は、この件数では偶然の範囲です。順位づけには使わないでください。",
            "rows": [counts("佐伯", 1012, 76.5, 318, 82), counts("三枝", 1046, 77.0, 338, 87), counts("広瀬", 934, 74.6, 279, 70)],
            "total": counts("全員", 2992, 228.1, 935, 239),
        },
    }  # fmt: skip


def import_file(id: int, status: str, rejected: int = 0, **changes: Any) -> Model:
    rows = 61_204 if status in ("done", "done_rejected", "waiting", "taken") else 0
    return {
        "id": id, "href": f"/imports/{id}", "name": "滞納一覧_20261117.csv", "kind": "debts", "layout": "東町@3", "mode": "full",
        "as_of": date(2026, 11, 17), "at": NOW - timedelta(hours=id), "user": "堀", "status": status, "step": "", "done_rows": 0, "total_rows": 0,
        "rows": rows, "created": 412 if rows else 0, "updated": 1_230 if rows else 0, "unchanged": rows and rows - 412 - 1_230 - rejected,
        "closed": 37 if rows else 0, "rejected": rejected, "rejected_href": f"/imports/{id}/rejected.csv" if rejected else "",
        "is_dry_run": status in ("waiting", "taken"), "error": "", "finished_at": NOW if rows else None, "size": "18.2 MB", "sha256": "9f" * 32,
    } | changes  # fmt: skip


PAGES = {"first": 1, "last": 4, "total": 46, "previous_href": None, "next_href": "?page=2"}


def imports() -> Model:
    return {
        "refresh_url": "/imports/list",
        "upload": {
            "kinds": [option("debts", "名簿", True), option("payments", "入金"), option("attempts", "架電記録")],
            "layouts": [option("auto", "自動", True), option("debts:東町", "東町(名簿)")],
            "modes": [option("auto", "様式の決まり(なければ全件)", True), option("full", "全件"), option("diff", "差分")],
            "as_of": "2026-11-17", "how": "check", "limit_mb": 200, "errors": [],
        },
        "files": [
            import_file(1, "running", step="writing", done_rows=38_000, total_rows=61_204),
            import_file(2, "done_rejected", rejected=12),
            import_file(3, "done"),
            import_file(4, "failed"),
            import_file(5, "waiting"),
            import_file(6, "taken"),
        ],
        "pages": PAGES,
    }  # fmt: skip


def key(number: str, term: int) -> list[Model]:
    pairs = (("宛名番号", number), ("税目コード", "010"), ("賦課年度", "2026"), ("期別", str(term)))
    return [{"label": label, "value": value} for label, value in pairs]


def one_import(status: str = "done_rejected", **more: Any) -> Model:
    reason = "日付として読めません。2025-09-01、R7.9.1 などで書いてください。"
    changes = {
        "fields": [{"label": "未納額", "count": 1_102, "percent": 100.0}, {"label": "電話番号", "count": 128, "percent": 11.6}],
        "totals": [{"label": "新しい対象者", "count": 204}, {"label": "増える電話番号", "count": 97}],
        "updated": [
            {"row": 12, "key": key("0001234567", 2), "name": "見本 佳代", "fields": [{"label": "未納額", "before": "38,200円", "after": "18,200円"}]}
        ],
        "debtors": [
            {"row": None, "key": key("0001234567", 2)[:1], "name": "見本 佳代", "fields": [{"label": "電話番号", "before": "—", "after": "000-000-0142"}]}
        ],
        "created": [
            {"row": 90, "key": key("0007654321", 1), "name": "架空 太郎", "values": [{"label": "納期限", "text": "2026年10月31日"}, {"label": "未納額", "text": "12,000円"}]}
        ] * 7,
        "closed": [{"row": None, "key": key("0000000009", 1), "name": "例示 次郎", "values": [{"label": "未納額", "text": "8,000円"}]}],
    }  # fmt: skip
    return {
        "refresh_url": "/imports/2/body",
        "file": import_file(2, status, rejected=12),
        "decision": None,
        "closing": {"closed": 37, "open": 58_000, "percent": "0.1", "is_loud": False, "limit": 20},
        "changes": changes,
        "errors": [],
        "unreadable": {
            "columns": [{"column": "氏名", "count": 1}],
            "places": [{"row_no": 7, "column": "氏名", "bytes": "fbfc"}],
            "is_cut": True,
        },
        "rejected": {
            "total": 12,
            "csv_href": "/imports/2/rejected.csv",
            "reasons": [{"column": "納期限", "reason": reason, "count": 12}],
            "headers": ["宛名番号", "納期限"],
            "rows": [{"row_no": 104, "column": "納期限", "reason": reason, "cells": ["0001234567", "令和8年13月1日"]}],
        },
    } | more


def decision(**changes: Any) -> Model:
    return {
        "apply_href": "/imports/2/apply",
        "again_href": "/imports/2/again",
        "taken_href": "",
        "is_stale": False,
        "has_effect": True,
    } | changes


LOUD = {"closed": 21_400, "open": 58_000, "percent": "36.9", "is_loud": True, "limit": 20}


def rung(number: int, channel: str, image: str, due: int, waiting: int, **changes: Any) -> Model:
    shown = {"attempts": "1回まで", "wait": "3開庁日" if number > 1 else "", "between": "", "conditions": []}
    percents = {"due_percent": due / 8, "waiting_percent": waiting / 8}
    return {"number": number, "channel": channel, "image": image, "due": due, "waiting": waiting, **shown, **percents, **changes}


def one_campaign(**changes: Any) -> Model:
    """A campaign in the middle of its second cycle."""
    conduct = Conduct()
    month = {"number": 2, "starts_on": date(2026, 11, 1), "ends_on": date(2026, 11, 30), "is_open": True, "day": 18, "days": 30}
    steps = [
        rung(1, "SMS", "msg", 420, 0, conditions=["接触なし"]),
        rung(2, "自動電話", "auto", 310, 122, attempts="2巡まで", between="2開庁日あけて", conditions=["携帯がある", "接触なし"]),
        rung(3, "電話催告", "phone", 640, 88, attempts="3回まで"),
        rung(4, "訪問", "visit", 57, 31, conditions=["未納30,000円以上"]),
    ]
    end = {"image": "clock", "text": "次の周期を待つ", "wait": "", "due": 0, "waiting": 0, "over": 210}
    outcomes = [("この周期に完納", True, 388), ("この周期で本人と接触済み", True, 301), ("手順を終えた。次の周期に改めて連絡", False, 210)]
    closed = {"number": 1, "starts_on": date(2026, 10, 1), "ends_on": date(2026, 10, 31), "debtors": 2_890, "withdrawn": 64}
    return {
        "campaign": {
            "id": 3,
            "name": "秋の催告",
            "status": "実施中",
            "mode": "空いた人に順に発信",
            "planned_as_of": NOW,
            "can_change": True,
        },
        "cycle": month | {"day_percent": 60, "done": 745, "total": 2_623, "done_percent": 28.4, "is_monthly": True, "restart": "bottom"},
        "ladder": {
            "steps": steps,
            "end": end,
            "done_on": ["本人と接触", "納付"],
            "done_paid_percent": 50,
            "max_attempts": 8,
            "numbers": "名簿の順",
        },
        "outcomes": [{"label": label, "is_done": is_done, "people": n, "percent": n / 3.88} for label, is_done, n in outcomes],
        "now": {
            "asked": "予測",
            "mode": "順次",
            "why": "学んだ件数がまだ足りません",
            "is_held": True,
            "is_known": True,
            "is_predictive": True,
            "figures": [share("放棄率（今日）", 0.6, "1 / 162"), share("放棄率（30日）", 1.2, "41 / 3,420")],
            "lines": 5,
            "ringing": 2,
            "at_work": 4,
            "answer_chance": "31.0%",
            "risk": "1.8%",
            "risk_allowed": "2.6%",
        },
        "by_rule": 1_204,
        "closed": [closed | {"attempts": {"sms": 812, "operator_call": 2_033}, "persons_attempted": 1_918, "persons_right_party": 402}],
        "errors": [],
        **form_model(conduct, values_of(conduct), translator("ja"), "ja"),
        **changes,
    }


def share(label: str, percent: float, base: str) -> Model:
    """A tile of the abandoned share."""
    return {
        "label": label,
        "base": base,
        "value": f"{percent}",
        "unit": "%",
        "href": None,
        "percent": percent * 10,
        "target": 30,
        "target_text": "上限 3.0%",
        "is_warning": False,
        "change": "",
        "state": None,
        "definition": None,
    }


def signed_out(title: str) -> Model:
    return shell(title, role="operator", user=None, nav=[], live_url=None)


BEFORE = {
    "idle": operator("idle", "待機", "待機にしました。", phone("idle", 11, number="", attempt_id=None), idle(True)),
    "paused": operator(
        "idle", "離席", "", phone("paused", 620, number="", attempt_id=None, paused_for="昼休憩"), idle(False, callbacks=[]), is_read_only=True
    ),
    "request": operator("idle", "待機", "", phone("idle", 3, number="", attempt_id=None), idle(True, can_request=True)),
    "preview": operator("preview", "次の相手", "次の相手を表示しています。", phone("idle", 8, number="", attempt_id=None), before()),
    "ringing": operator("ringing", "呼出中", "呼び出しています。", phone("ringing", 9), before()),
    "talking_unverified": operator(
        "talking_unverified", "応答・本人未確認", "応答しました。本人確認の前です。", phone("talking", 12, is_verified=False),
        before() | {"kept_form": "", "branches": BRANCHES, "checks": CHECKS},
    ),
    "saved": operator("saved", "記録済", "記録しました。", phone("talking", 190, is_verified=True), {"attempt_id": 77}),
    "wrapup_unverified": operator(
        "wrapup", "後処理", "通話が終わりました。", phone("wrapup", 4, is_verified=False), unverified_case()
    ),
}  # fmt: skip
LEASE = {"until": NOW + timedelta(seconds=72), "total_seconds": 90, "warn_seconds": 20, "extend_seconds": 60}
ENDED = {"began_at": NOW - timedelta(seconds=270), "ended_at": NOW - timedelta(seconds=18), "seconds": 252}
PAGES_BY_NAME: dict[str, tuple[str, Model]] = BEFORE | {
    "login": ("login.html", {
        "shell": signed_out("サインイン"),
        "form": {"office_code": "kaku", "sign_in_name": "", "offices": [], "error": "", "next": "/", "provider": ""},
    }),
    "login_failed": ("login.html", {
        "shell": signed_out("サインイン"),
        "form": {"office_code": "", "sign_in_name": "saeki", "error": "利用者名かパスワードが違います。", "next": "/", "provider": "市の認証基盤でサインイン",
                 "offices": [option("kaku", "架空市", True), option("mihon", "見本町")]},
    }),
    "setup": ("setup.html", {
        "shell": signed_out("はじめの設定"), "file": "setup-code.txt", "error": "",
        "fields": {"name": "架空市", "code": "kaku", "phone": "03-0000-0000", "sign_in_name": "", "display_name": ""},
    }),
    "setup_failed": ("setup.html", {
        "shell": signed_out("はじめの設定"), "file": "setup-code.txt", "error": "設定コードが違います。",
        "fields": {"name": "", "code": "", "phone": "", "sign_in_name": "saeki", "display_name": "佐伯"},
    }),
    "unlock": ("unlock.html", {"shell": shell("画面のロック", "calls", "operator", live_url=None), "next": "/operator", "error": ""}),
    "unlock_failed": ("unlock.html", {
        "shell": shell("画面のロック", "calls", "operator", live_url=None), "next": "/operator", "error": "パスワードが違います。",
    }),
    "error": ("error.html", {"shell": signed_out("エラー"), "error": {"kind": "unavailable", "request_id": "7f3a-91c2", "home_href": "/"}}),
    "talking": operator(
        "talking", "通話・案件 20-00418", "本人確認が済みました。案件を表示しています。", phone("talking", 161, is_verified=True), case()
    ),
    "wrapup": operator(
        "wrapup", "後処理・案件 20-00418", "通話が終わりました。", phone("wrapup", 18, is_verified=True, ended=ENDED), case() | {"lease": LEASE}
    ),
    "supervisor": ("supervisor.html", {
        "shell": shell("今日の状況", "board", "supervisor", hints=["表示するのは案件番号だけ。氏名は案件を開いたときに出ます"]),
        "page": {"day": NOW.date(), "hours": "9:00〜17:00", "list_name": "11月名簿 第2版", "is_dialling": True, "can_stop": True,
                 "refresh_url": "/supervisor/board"},
        **board(),
    }),
    "report": ("report.html", {
        "shell": shell("架電の成果", "report", "supervisor", status="集計は11月18日(水) 5:10に作りました。"), **report(),
    }),
    "campaign": ("campaign.html", {"shell": shell("秋の催告", "campaigns", "supervisor"), **one_campaign()}),
    "campaign_errors": ("campaign.html", {
        "shell": shell("秋の催告", "campaigns", "supervisor"),
        **one_campaign(errors=[{"field_id": "step-2-attempts", "message": "3番目の手順の回数: 20以下にしてください。"}]),
    }),
    "imports": ("imports.html", {"shell": shell("取り込み", "lists", "supervisor"), **imports()}),
    "wordings": ("wordings.html", {"shell": shell("SMSの文面", "templates", "supervisor"), **texts.wordings()}),
    "wording_new": ("wording_new.html", {"shell": shell("文面を作る", "templates", "supervisor"), **texts.wording_new()}),
    "wording": ("wording.html", {"shell": shell("notice 第3版", "templates", "supervisor"), **texts.wording()}),
    "replies": ("replies.html", {"shell": shell("SMSの返信", "replies", "supervisor"), **texts.replies()}),
    "sender": ("sender.html", {"shell": shell("SMSの送信手段", "sender", "administrator"), **texts.sender()}),
    "payments": ("payments.html", {"shell": shell("入金", "lists", "supervisor"), **money.payments("unmatched")}),
    "payments_refunds": ("payments.html", {"shell": shell("入金", "lists", "supervisor"), **money.payments("refunds")}),
    "payments_assigned": ("payments.html", {"shell": shell("入金", "lists", "supervisor"), **money.payments("assigned")}),
    "payment_files": ("payment_files.html", {"shell": shell("入金", "lists", "supervisor"), **money.payment_files(NOW)}),
    "payment": ("payment.html", {"shell": shell("入金", "lists", "supervisor"), **money.payment()}),
    "payment_none": ("payment.html", {"shell": shell("入金", "lists", "supervisor"), **money.payment(is_empty=True)}),
    "plans": ("plans.html", {"shell": shell("分納", "lists", "tax_officer"), **money.plans()}),
    "plan_for": ("plan_for.html", {"shell": shell("分納", "lists", "tax_officer"), "debtor_no": "42", "error": "その宛名番号の対象者はいません。"}),
    "plan_new": ("plan_new.html", {"shell": shell("分納", "lists", "tax_officer"), **money.plan_new()}),
    "plan": ("plan.html", {"shell": shell("分納", "lists", "tax_officer"), **money.plan()}),
    "imports_empty": ("imports.html", {"shell": shell("取り込み", "lists", "supervisor"), **imports(), "files": []}),
    "import": ("import.html", {"shell": shell("取り込み", "lists", "supervisor"), "unreadable": None, **one_import()}),
    "import_check": (
        "import.html",
        {"shell": shell("取り込み", "lists", "supervisor"), "unreadable": None, **one_import("waiting", decision=decision(), closing=LOUD)},
    ),
    "import_running": (
        "import.html",
        {"shell": shell("取り込み", "lists", "supervisor"), **one_import()}
        | {"file": import_file(1, "running", step="writing", done_rows=38_000, total_rows=61_204), "rejected": None, "changes": None},
    ),
    **{name: (template, {"shell": shell(title, "rules", "supervisor"), **model}) for name, (template, title, model) in POLICY_PAGES.items()},
}  # fmt: skip
