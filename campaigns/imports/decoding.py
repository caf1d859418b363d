"""Bytes of an upload to text: what kind of file it is by its content, which encoding, and which glyphs could not be read."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from callcenter.core.errors import InvalidInput

MARKER = "〓"
# Stands for an unreadable glyph until rows and columns are known, so that a 〓 the file itself holds is not mistaken for one.
SENTINEL = "\U0010fffd"
XLSX_MAGIC = b"PK\x03\x04"
_OTHER_MAGIC = {
    b"\xd0\xcf\x11\xe0": "古い Excel 形式(.xls)またはパスワード付きの Excel",
    b"%PDF": "PDF",
    b"\x89PNG": "画像",
    b"\xff\xd8\xff": "画像",
    b"\x1f\x8b": "圧縮ファイル(gzip)",
    b"Rar!": "圧縮ファイル(RAR)",
    b"7z\xbc\xaf": "圧縮ファイル(7z)",
    b"SQLite format 3": "SQLite データベース",
    b"\xff\xfe": "UTF-16 の文字",
    b"\xfe\xff": "UTF-16 の文字",
}
# Private-use characters (外字) and the C1 controls that CP932 leaves behind: no font shows them.
_UNREADABLE = re.compile("[\ue000-\uf8ff\x80-\x9f\ufffd]")
# Bytes one of which every unreadable character has in UTF-8: looking for them first is thirty times as fast as the pattern.
_HINTS = (b"\xee", b"\xef\xa0", b"\xef\xa1", b"\xef\xa2", b"\xef\xa3", b"\xef\xbf\xbd", b"\xc2")
_MAX_BAD_SHARE = 0.01
_SAMPLE = 1 << 18


@dataclass(frozen=True)
class Decoded:
    """Text of a file with `SENTINEL` for each unreadable glyph, whose bytes (hex) stand in `lost` in the order of the text."""

    text: str
    encoding: str
    lost: tuple[str, ...]


def _lenient(data: bytes, encoding: str) -> Decoded:
    """Decodes with a sentinel for what is no character of `encoding`."""
    lost: list[str] = []

    def note(problem: UnicodeError) -> tuple[str, int]:
        assert isinstance(problem, UnicodeDecodeError)
        lost.append(problem.object[problem.start : problem.end].hex())
        return SENTINEL, problem.end

    codecs.register_error("callcenter_note", note)
    try:
        text = data.decode(encoding)  # the usual case, and much the fastest
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="callcenter_note")
    return _mark_private(text, encoding, lost)


def _mark_private(text: str, encoding: str, lost: list[str]) -> Decoded:
    """Replaces private-use characters by the sentinel too, keeping the bytes in the order of the text."""
    encoded = text.encode()
    if not any(hint in encoded for hint in _HINTS) or not _UNREADABLE.search(text):
        return Decoded(text, encoding, tuple(lost))
    waiting = iter(lost)
    ordered: list[str] = []

    def note(found: re.Match[str]) -> str:
        ordered.append(next(waiting, "") if found[0] == SENTINEL else found[0].encode(encoding, errors="replace").hex())
        return SENTINEL

    return Decoded(re.sub(f"{_UNREADABLE.pattern}|{SENTINEL}", note, text), encoding, tuple(ordered))


def _likelier(data: bytes) -> str:
    """Damaged UTF-8 or CP932: hardly any CP932 text reads as UTF-8 by chance."""
    found = re.search(rb"[\x80-\xff]", data)
    sample = data[found.start() if found else 0 :][:_SAMPLE]
    foreign = sum(byte >= 0x80 for byte in sample)
    return "utf-8" if 10 * len(_lenient(sample, "utf-8").lost) < foreign else "cp932"


def refuse_wrong_kind(data: bytes, file_name: str) -> None:
    """Raises InvalidInput for an empty file and for content that is neither text nor a workbook."""
    if not data[:4096].strip() and not data.strip():
        raise InvalidInput(f"{file_name}: ファイルが空です。", hint="見出しの行のある CSV または .xlsx が必要です。", code="empty_file")
    for magic, what in _OTHER_MAGIC.items():
        if data.startswith(magic):
            raise InvalidInput(
                f"{file_name}: {what}です。", hint="CSV(CP932 または UTF-8)または .xlsx で保存し直してください。", code="wrong_kind"
            )
    if b"\x00" in data and not data.startswith(XLSX_MAGIC):
        raise InvalidInput(
            f"{file_name}: 文字のファイルではありません。", hint="CSV(CP932 または UTF-8)または .xlsx が必要です。", code="wrong_kind"
        )


def decode(data: bytes, file_name: str, encoding: str = "auto") -> Decoded:
    """Text of a CSV file with LF line ends: UTF-8 with or without BOM, or CP932 with the vendors' characters, as declared or found out.

    Raises InvalidInput when more than 1 % of the characters belong to neither.
    """
    refuse_wrong_kind(data, file_name)
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if data.startswith(codecs.BOM_UTF8):
        found = _lenient(data[len(codecs.BOM_UTF8) :], "utf-8")
    elif encoding != "auto":
        found = _lenient(data, encoding)
    else:
        try:
            found = _mark_private(data.decode("utf-8"), "utf-8", [])
        except UnicodeDecodeError:
            found = _lenient(data, _likelier(data))
    if len(found.lost) > max(20, _MAX_BAD_SHARE * len(found.text)):
        raise InvalidInput(
            f"{file_name}: 文字コードを判別できません。", hint="CP932(Shift_JIS)または UTF-8 で保存し直してください。", code="bad_encoding"
        )
    return found
