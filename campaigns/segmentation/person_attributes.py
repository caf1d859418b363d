"""What rules may ask about the person, holds, and telephone numbers."""

from __future__ import annotations

from campaigns.segmentation.kinds import Attribute, Build, Group, Kind, Unit, flag, number, raw
from campaigns.segmentation.parameters import KINDS, LINE_TYPE, LINE_TYPES, PHONE_STATUS
from campaigns.segmentation.query import AS_OF_DAY, Ask
from campaigns.segmentation.sources import ESCALATIONS, HOUSEHOLDS, OWED, PHONES, PHONES_DISTINCT, SUPPRESSIONS, usable


def _household(ask: Ask) -> str:
    ask.joins.add_raw("hh", HOUSEHOLDS)
    return "coalesce(hh.members, 1)"


def _hold(name: str, digits: tuple[int, ...], ja: tuple[str, str], en: tuple[str, str]) -> Attribute:
    return flag(name, Group.HOLD, _has_hold(*digits), ja, en)


def _has_hold(*digits: int) -> Build:
    """Whether an open debt has one of these 停止区分: their bits among those of all."""
    mask = sum(1 << digit for digit in digits)
    return lambda ask: f"({ask.column(OWED, 'bit_or(1 << hold)')} & {mask}) <> 0"


def _suppressed(reason: str) -> Build:
    return lambda ask: ask.column(SUPPRESSIONS, f"bool_or(reason = '{reason}')")


def _barred(name: str, reason: str, ja: tuple[str, str], en: tuple[str, str]) -> Attribute:
    return flag(name, Group.HOLD, _suppressed(reason), ja, en)


def _usable(more: str = "") -> Build:
    return lambda ask: ask.column(PHONES, f"bool_or({usable()}{more})")


PERSON = (
    Attribute("kind", Kind.WORD, raw("d.kind"), "個人・法人", "Person or company", group=Group.PERSON, choices=KINDS),
    number(
        "age",
        Group.PERSON,
        Unit.AGE,
        raw(f"CAST(extract(year FROM age({AS_OF_DAY}, d.birth_date)) AS integer)"),
        "年齢",
        "Age",
        is_nullable=True,
    ),
    Attribute("postal_code", Kind.TEXT, raw("replace(d.postal_code, '-', '')"), "郵便番号", "Postal code", group=Group.PERSON),
    Attribute("address", Kind.TEXT, raw("d.address"), "住所", "Address", group=Group.PERSON),
    number("household_members", Group.PERSON, Unit.PEOPLE, _household, "名簿にいる世帯の人数", "Household members on the list"),
)
HOLDS = (
    flag(
        "do_not_contact",
        Group.HOLD,
        raw("d.do_not_contact"),
        ("連絡禁止の指定がある", "連絡禁止の指定がない"),
        ("is marked as not to be contacted", "may be contacted"),
    ),
    _hold("is_stopped", (1,), ("執行停止中である", "執行停止中でない"), ("has collection suspended", "has no collection suspended")),
    _hold(
        "has_collection_grace", (2,), ("徴収猶予中である", "徴収猶予中でない"), ("has a grace of collection", "has no grace of collection")
    ),
    _hold(
        "has_realisation_grace",
        (3,),
        ("換価猶予中である", "換価猶予中でない"),
        ("has a grace of realisation", "has no grace of realisation"),
    ),
    _hold("is_seized", (4,), ("差押中である", "差押中でない"), ("has property seized", "has no property seized")),
    _hold(
        "is_investigated",
        (5,),
        ("破産・相続の調査中である", "破産・相続の調査中でない"),
        ("is under inquiry for bankruptcy or inheritance", "is not under such inquiry"),
    ),
    flag(
        "is_vulnerable",
        Group.HOLD,
        lambda ask: f"({_has_hold(9)(ask)}) OR {_suppressed('vulnerable')(ask)}",
        ("要配慮である", "要配慮でない"),
        ("needs special care", "needs no special care"),
    ),
    _hold("has_unknown_hold", (7, 8), ("停止区分が不明である", "停止区分に不明がない"), ("has an unknown hold", "has no unknown hold")),
    _barred(
        "payment_claimed",
        "payment_claimed",
        ("支払済みと申告し確認中である", "支払済みの申告がない"),
        ("says it is paid", "does not say it is paid"),
    ),
    _barred(
        "stop_requested",
        "stop_request",
        ("連絡停止の要請がある", "連絡停止の要請がない"),
        ("asked not to be contacted", "did not ask to stop"),
    ),
    _barred(
        "deceased_moved",
        "deceased_moved",
        ("死亡・転出の情報がある", "死亡・転出の情報がない"),
        ("is reported dead or moved", "is not so reported"),
    ),
    _barred("has_complaint", "complaint", ("苦情を対応中である", "苦情がない"), ("has a complaint open", "has no complaint open")),
    flag(
        "with_officer",
        Group.HOLD,
        lambda ask: f"({_suppressed('officer_hold')(ask)}) OR {ask.count(ESCALATIONS)} > 0",
        ("徴税吏員が対応中である", "徴税吏員が対応中でない"),
        ("is with a tax officer", "is not with a tax officer"),
    ),
)
PHONE_NUMBERS = (
    flag(
        "has_usable_phone",
        Group.PHONE,
        _usable(),
        ("使える番号がある", "使える番号がない"),
        ("has a usable number", "has no usable number"),
    ),
    flag(
        "has_mobile",
        Group.PHONE,
        _usable(" AND line_type = 'mobile'"),
        ("使える携帯がある", "使える携帯がない"),
        ("has a usable mobile", "has no usable mobile"),
    ),
    flag(
        "has_landline",
        Group.PHONE,
        _usable(" AND line_type <> 'mobile'"),
        ("使える固定電話がある", "使える固定電話がない"),
        ("has a usable landline", "has no usable landline"),
    ),
    number(
        "usable_phones",
        Group.PHONE,
        Unit.ITEMS,
        lambda ask: ask.count(PHONES, usable(), *ask.given(line_type="line_type")),
        "使える番号の数",
        "Number of usable numbers",
        LINE_TYPE,
    ),
    number(
        "phones",
        Group.PHONE,
        Unit.ITEMS,
        lambda ask: ask.count(PHONES, *ask.given(line_type="line_type", phone_status="status")),
        "番号の数",
        "Number of numbers",
        LINE_TYPE,
        PHONE_STATUS,
    ),
    Attribute(
        "phone_types",
        Kind.WORDS,
        lambda ask: f"coalesce({ask.column(PHONES_DISTINCT, 'array_agg(DISTINCT line_type)', usable())}, '{{}}')",
        "使える番号の種類",
        "Types of usable numbers",
        group=Group.PHONE,
        choices=LINE_TYPES,
    ),
)
