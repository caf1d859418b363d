"""The parameters that attributes take, with the words they can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
)
from campaigns.segmentation.kinds import Choice, Param


def choices(ja: Mapping[Any, str], en: Mapping[Any, str]) -> tuple[Choice, ...]:
    """The words of a code table."""
    return tuple(Choice(str(code.value), ja[code], en[code]) for code in ja)


CHANNELS = tuple(
    Choice(channel.value, CHANNEL_JA[channel], CHANNEL_EN[channel])
    for channel in (Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT)
)
OUTCOMES, LINE_RESULTS, PARTIES = choices(OUTCOME_JA, OUTCOME_EN), choices(LINE_RESULT_JA, LINE_RESULT_EN), choices(PARTY_JA, PARTY_EN)
VINTAGES = (Choice("current", "現年", "This year's"), Choice("carried_over", "滞納繰越", "Carried over"))
KINDS = (Choice("person", "個人", "Person"), Choice("company", "法人", "Company"))
LINE_TYPES = (
    Choice("mobile", "携帯", "Mobile"),
    Choice("fixed", "固定", "Fixed line"),
    Choice("ip", "IP電話", "IP telephone"),
    Choice("toll_free", "フリーダイヤル", "Toll-free"),
    Choice("navi", "ナビダイヤル", "Navi-dial"),
    Choice("unknown", "不明", "Unknown"),
)
PHONE_STATUSES = (
    Choice("unverified", "未確認", "Not verified"),
    Choice("works", "つながる", "Works"),
    Choice("wrong_person", "別人", "Somebody else's"),
    Choice("dead", "欠番", "Not in use"),
    Choice("refused", "拒否", "Refused"),
)
REACTIONS = (
    Choice("payment", "納付", "Payment"),
    Choice("call_back", "折り返しの約束", "Call-back agreed"),
    Choice("reply", "その場の返答", "Answer at once"),
)

DAYS = Param("days", "日数", "Days", "過去{}日の", "in the last {} days", is_number=True)
CHANNEL = Param("channel", "手段", "Channel", "{}の", "by {}", choices=CHANNELS)
TAX = Param("tax", "税目コード", "Tax code", "税目{}の", "of tax {}")
VINTAGE = Param("vintage", "現年・滞繰", "Vintage", "{}の", "({})", choices=VINTAGES)
OUTCOME = Param("outcome", "交渉結果", "Result", "「{}」の", "“{}”", choices=OUTCOMES, is_required=True)
LINE_RESULT = Param("line_result", "回線結果", "Line result", "「{}」の", "“{}”", choices=LINE_RESULTS, is_required=True)
LINE_TYPE = Param("line_type", "番号の種類", "Type of number", "{}の", "({})", choices=LINE_TYPES)
PHONE_STATUS = Param("phone_status", "番号の状態", "State of the number", "「{}」の", "“{}”", choices=PHONE_STATUSES)
REACTION = Param("reaction", "反応の種類", "Kind of reaction", "「{}」の", "“{}”", choices=REACTIONS)
OF_CHANNEL = replace(CHANNEL, ja_of="{}から", is_required=True)
WITHIN = replace(
    DAYS, ja="何日以内の反応か", en="Days to react", ja_of="{}日以内に", en_of="within {} days", is_required=True, lowest=0, highest=90
)
EXPERIMENT = Param("experiment", "効果測定", "Experiment", "「{}」の", "“{}”", is_required=True)
ARM = Param("arm", "群", "Arm", "「{}」群の", "arm “{}”", is_required=True)
