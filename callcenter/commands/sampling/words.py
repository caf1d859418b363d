"""Names, places and taxes of 架空市, a city that does not exist."""

from __future__ import annotations


def _pairs(text: str) -> tuple[list[str], ...]:
    """Written form and 半角カナ of each word of a list such as 佐藤/ｻﾄｳ 鈴木/ｽｽﾞｷ."""
    return tuple(pair.split("/") for pair in text.split())


SURNAMES = _pairs(
    "佐藤/ｻﾄｳ 鈴木/ｽｽﾞｷ 髙橋/ﾀｶﾊｼ 田中/ﾀﾅｶ 渡邊/ﾜﾀﾅﾍﾞ 伊藤/ｲﾄｳ 山本/ﾔﾏﾓﾄ 中村/ﾅｶﾑﾗ 小林/ｺﾊﾞﾔｼ 加藤/ｶﾄｳ 吉田/ﾖｼﾀﾞ 山田/ﾔﾏﾀﾞ 佐々木/ｻｻｷ "
    "山口/ﾔﾏｸﾞﾁ 松本/ﾏﾂﾓﾄ 井上/ｲﾉｳｴ 木村/ｷﾑﾗ 林/ﾊﾔｼ 齋藤/ｻｲﾄｳ 清水/ｼﾐｽﾞ 山﨑/ﾔﾏｻﾞｷ 森/ﾓﾘ 池田/ｲｹﾀﾞ 橋本/ﾊｼﾓﾄ 阿部/ｱﾍﾞ 石川/ｲｼｶﾜ 濵田/ﾊﾏﾀﾞ "
    "前田/ﾏｴﾀﾞ 藤田/ﾌｼﾞﾀ 小川/ｵｶﾞﾜ 岡田/ｵｶﾀﾞ 後藤/ｺﾞﾄｳ 長谷川/ﾊｾｶﾞﾜ 村上/ﾑﾗｶﾐ 近藤/ｺﾝﾄﾞｳ 石井/ｲｼｲ 坂本/ｻｶﾓﾄ 遠藤/ｴﾝﾄﾞｳ 青木/ｱｵｷ "
    "藤井/ﾌｼﾞｲ 西村/ﾆｼﾑﾗ 福田/ﾌｸﾀﾞ 太田/ｵｵﾀ 三浦/ﾐｳﾗ 藤原/ﾌｼﾞﾜﾗ 岡本/ｵｶﾓﾄ 松田/ﾏﾂﾀﾞ 中川/ﾅｶｶﾞﾜ 中野/ﾅｶﾉ 原田/ﾊﾗﾀﾞ 小野/ｵﾉ 田村/ﾀﾑﾗ "
    "竹内/ﾀｹｳﾁ 金子/ｶﾈｺ 和田/ﾜﾀﾞ 中山/ﾅｶﾔﾏ 石田/ｲｼﾀﾞ 上田/ｳｴﾀﾞ 森田/ﾓﾘﾀ 櫻井/ｻｸﾗｲ"
)
GIVEN_NAMES = _pairs(
    "太郎/ﾀﾛｳ 花子/ﾊﾅｺ 一郎/ｲﾁﾛｳ 幸子/ｻﾁｺ 健一/ｹﾝｲﾁ 和子/ｶｽﾞｺ 誠/ﾏｺﾄ 陽子/ﾖｳｺ 大輔/ﾀﾞｲｽｹ 美咲/ﾐｻｷ 翔/ｼｮｳ 結衣/ﾕｲ 博/ﾋﾛｼ 恵子/ｹｲｺ "
    "茂/ｼｹﾞﾙ "
    "裕子/ﾕｳｺ 隆/ﾀｶｼ 久美子/ｸﾐｺ 浩二/ｺｳｼﾞ 真由美/ﾏﾕﾐ 直樹/ﾅｵｷ 愛/ｱｲ 拓也/ﾀｸﾔ 明美/ｱｹﾐ 哲也/ﾃﾂﾔ 由美子/ﾕﾐｺ 亮/ﾘｮｳ 智子/ﾄﾓｺ 正/ﾀﾀﾞｼ "
    "節子/ｾﾂｺ "
    "勇気/ﾕｳｷ 彩/ｱﾔ 学/ﾏﾅﾌﾞ 千尋/ﾁﾋﾛ 豊/ﾕﾀｶ 葵/ｱｵｲ 蓮/ﾚﾝ 凛/ﾘﾝ 清/ｷﾖｼ 光子/ﾐﾂｺ"
)
TRADES = _pairs(
    "商事/ｼｮｳｼﾞ 建設/ｹﾝｾﾂ 運輸/ｳﾝﾕ 食品/ｼｮｸﾋﾝ 電機/ﾃﾞﾝｷ 不動産/ﾌﾄﾞｳｻﾝ 印刷/ｲﾝｻﾂ 設備/ｾﾂﾋﾞ 観光/ｶﾝｺｳ 製作所/ｾｲｻｸｼﾞｮ 工務店/ｺｳﾑﾃﾝ 薬局/ﾔｯｷｮｸ"
)
TOWNS = (
    "中央",
    "本町",
    "北見台",
    "緑が丘",
    "栄町",
    "若葉町",
    "桜ケ丘",
    "港南",
    "東雲町",
    "湯の里",
    "青葉",
    "旭町",
    "松風台",
    "千歳",
    "白鷺",
    "みどり野",
)
BUILDINGS = ("架空ハイツ", "第二架空荘", "メゾン架空", "コーポ若葉", "グリーンコート")
PHONE_REMARKS = ("（呼出）", "（勤務先）", " 実家", "(携帯)", " 内線12", "（母）")
# Area codes with a local exchange beginning with 0 or 1, which no Japanese exchange does: these lines cannot exist.
FIXED_AREAS = ("0422", "0428", "0463", "0465", "0466", "0467", "0475", "0476", "0480", "0493")
# 060-9 is not assigned to any carrier.
MOBILE_HEAD = "0609"
# tax code, name, terms as (term, month, day, whether in the calendar year after the levy year)
TAXES: tuple[tuple[str, str, tuple[tuple[int, int, int, bool], ...]], ...] = (
    ("010", "市県民税(普通徴収)", ((1, 6, 30, False), (2, 8, 31, False), (3, 10, 31, False), (4, 1, 31, True))),
    ("020", "固定資産税・都市計画税", ((1, 4, 30, False), (2, 7, 31, False), (3, 12, 25, False), (4, 2, 28, True))),
    ("030", "軽自動車税(種別割)", ((1, 5, 31, False),)),
    ("040", "国民健康保険税", tuple((term, month, 28, month < 4) for term, month in enumerate((7, 8, 9, 10, 11, 12, 1, 2), start=1))),
)
TAX_WEIGHTS = (45, 22, 8, 25)
REMARKS = ("", "納付書再送済", "口座振替不能", "分割の相談歴あり", "転居の届出あり(確認中)", "夜間の連絡を希望", "相談歴あり, 書面のみ希望")
OPERATORS = ("op-aoki", "op-inoue", "op-ueda", "op-endo")
VISITORS = ("visit-oda", "visit-kato")
