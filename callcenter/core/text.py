"""Search keys for Japanese names and addresses. The original spelling is never altered: keys only stand beside it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import jaconv

# Old or variant form → the form people type. Both sides of a search pass through it, so merging 齋 and 齊 only widens a search.
_FOLDED = (
    "髙高 﨑崎 嵜崎 碕崎 邊辺 邉辺 齋斎 齊斎 斉斎 澤沢 濵浜 濱浜 廣広 國国 嶋島 嶌島 櫻桜 瀧滝 龍竜 惠恵 眞真 壽寿 榮栄 會会 "
    "學学 櫛櫛 槇槙 條条 淺浅 增増 曾曽 德徳 冨富 冝宜 凉涼 晧皓 爲為 禮礼 祿禄 禎禎 穗穂 縣県 總総 聰聡 舘館 藏蔵 藝芸 蘒萩 "
    "將将 尙尚 專専 團団 圓円 圍囲 壯壮 孃嬢 寬寛 寶宝 實実 對対 峯峰 嶽岳 巖巌 巢巣 帶帯 彌弥 彥彦 從従 應応 懷懐 戰戦 戶戸 "
    "拂払 擴拡 收収 數数 晝昼 曉暁 曆暦 朗朗 來来 栁柳 桒桑 椙杉 樂楽 樞枢 橫横 檜桧 櫂櫂 歸帰 氣気 淨浄 淸清 渕淵 渊淵 渡渡 "
    "溪渓 滿満 濟済 瀨瀬 燒焼 燈灯 燿耀 狹狭 獨独 瓊瓊 甁瓶 畫画 當当 發発 盡尽 硏研 礒磯 祐祐 福福 稻稲 穰穣 竝並 粹粋 經経 "
    "絲糸 緖緒 縱縦 繩縄 繁繁 續続 羽羽 聲声 臺台 與与 舊旧 莊荘 萬万 薗園 薰薫 蘭蘭 處処 螢蛍 衞衛 裝装 覺覚 觀観 譽誉 讓譲 "
    "豐豊 賴頼 轉転 辯弁 遙遥 郞郎 都都 鄕郷 醫医 釋釈 鋪舗 錄録 鍊錬 鎭鎮 鐵鉄 鑛鉱 關関 隆隆 雜雑 靑青 靜静 顯顕 類類 飜翻 "
    "驛駅 鷄鶏 鹽塩 麥麦 黑黒 齒歯 龜亀 鳳鳳 𠮷吉 逸逸 塚塚 晴晴 猪猪 神神 祥祥 諸諸 緑緑 隣隣 佛仏 假仮 傳伝 價価 "
    "𣘺橋 槗橋 柗松 枩松 舩船 劔剣 劍剣 劒剣 釼剣 靏鶴 靍鶴 鷗鴎 籠篭 薮藪 籔藪 蘓蘇 萠萌 莵兎 邨村 鄰隣 黃黄 蔣蒋 吳呉 閒間 "
    "兒児 兩両 凜凛 勳勲 勵励 卷巻 參参 單単 嚴厳 壤壌 奧奥 姬姫 峽峡 惡悪 愼慎 戲戯 擔担 攝摂 敎教 斷断 昻昂 晚晩 槪概 樣様 樓楼 "
    "權権 歡歓 步歩 每毎 濕湿 灣湾 爭争 狀状 稱称 綠緑 羣群 肅粛 苅刈 莖茎 虛虚 蟬蝉 觸触 證証 讀読 變変 豫予 贊賛 輕軽 險険 隨随 "
    "隱隠 靈霊 餘余 鬪闘 麴麹 默黙 點点 齡齢 溫温 淚涙 爾爾 桺柳 栢柏 梹浜 濶闊 翆翠 翶翔 頋顧 顏顔 驒騨"
)
_PAIRS = [pair for pair in _FOLDED.split() if len(pair) == 2]
# Glyph variants (異体字セレクタ) and voiced marks that stand alone.
_DROPPED = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x3099, 0x309A)
# One table for `search_key` and for whole columns: kanji, dashes, hiragana as katakana.
FOLDED: dict[str, str] = {
    **{pair[0]: pair[1] for pair in _PAIRS if pair[0] != pair[1]},
    **dict.fromkeys("‐‑‒–—―−─", "-"),
    **{chr(code): chr(code + 0x60) for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)},
    **dict.fromkeys(map(chr, _DROPPED), ""),
}
_FOLD = str.maketrans(FOLDED)

# Core systems often know neither small kana nor, in old data, voiced marks (ｼﾖｳｼﾞ, ヤマサキ); 長音 and hyphens are mixed up.
_KANA = dict(
    zip(
        "ガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポヴヷヸヹヺヰヱヲァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿヾ",
        "カキクケコサシスセソタチツテトハヒフヘホハヒフヘホウワイエオイエオアイウエオツヤユヨワカケクシストヌハヒフヘホムラリルレロヽ",
        strict=True,
    )
) | {"-": "ー", "・": ""}
KANA_FOLDED: dict[str, str] = _KANA | {old: "".join(_KANA.get(letter, letter) for letter in new) for old, new in FOLDED.items()}
_FOLD_KANA = str.maketrans(KANA_FOLDED)


def to_full_kana(text: str) -> str:
    """半角カナ as 全角カナ (ﾔﾏﾀﾞ → ヤマダ), everything else as it is."""
    return str(jaconv.h2z(text, kana=True, ascii=False, digit=False))


def search_key(text: str | None) -> str:
    """The key under which `text` is found: NFKC, hiragana as katakana, old kanji as new, lower case, without spaces.

    髙橋　恵, 高橋 惠 and ﾀｶﾊｼ/たかはし each give one key per reading; no dictionary guesses readings. The key of a key is itself.
    """
    return _key(text, _FOLD)


def kana_key(text: str | None) -> str:
    """The same for a reading: besides, small kana are large ones and voiced marks are dropped (ショウジ, ｼﾖｳｼﾞ and しようし are one)."""
    return _key(text, _FOLD_KANA)


def _key(text: str | None, table: Mapping[int, str]) -> str:
    folded = unicodedata.normalize("NFKC", text or "").translate(table).lower()
    # Without its spaces a text may compose anew.
    return unicodedata.normalize("NFKC", "".join(folded.split()))
