"""Bytes of an upload to text: what kind of file it is by its content, which encoding, and which glyphs could not be read."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
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
# The same in UTF-8, each pattern with one first byte: looking for them is twenty times as fast as the pattern above.
_HINTS = (re.compile(rb"\xee"), re.compile(rb"\xc2[\x80-\x9f]"), re.compile(rb"\xef(?:[\x80-\xa3]|\xbf\xbd)"))
_LONE = (b"\xfd", b"\xfe", b"\xff")  # the bytes of CP932 that become private-use characters of the last pattern
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_MAX_BAD_SHARE = 0.01
_SAMPLE = 1 << 15


@dataclass(frozen=True)
class Decoded:
    """Text of a file with `SENTINEL` for each unreadable glyph, whose bytes (hex) stand in `lost` in the order of the text.

    `encoded` is the text in UTF-8.
    """

    text: str
    encoded: bytes
    encoding: str
    lost: tuple[str, ...] = ()


def _lenient(data: bytes, encoding: str) -> Decoded:
    """Decodes with a sentinel for what is no character of `encoding`."""
    try:
        text = data.decode(encoding)  # the usual case, and much the fastest
    except UnicodeDecodeError:
        return _marked(data, encoding)
    encoded = data if encoding == "utf-8" else text.encode()
    hints = _HINTS if encoding == "utf-8" or any(byte in data for byte in _LONE) else _HINTS[:2]
    if any(hint.search(encoded) for hint in hints):
        return _marked(data, encoding)
    return Decoded(text, encoded, encoding)


def _marked(data: bytes, encoding: str) -> Decoded:
    """Decodes with a sentinel for what is no character and for private-use ones, keeping the bytes in the order of the text."""
    lost: list[str] = []

    def note(problem: UnicodeError) -> tuple[str, int]:
        assert isinstance(problem, UnicodeDecodeError)
        lost.append(problem.object[problem.start : problem.end].hex())
        return SENTINEL, problem.end

    codecs.register_error("callcenter_note", note)
    text = data.decode(encoding, errors="callcenter_note")
    waiting = iter(lost)
    ordered: list[str] = []

    def note_private(found: re.Match[str]) -> str:
        ordered.append(next(waiting, "") if found[0] == SENTINEL else found[0].encode(encoding, errors="replace").hex())
        return SENTINEL

    text = re.sub(f"{_UNREADABLE.pattern}|{SENTINEL}", note_private, text)
    return Decoded(text, text.encode(), encoding, tuple(ordered))


def _likelier(sample: bytes) -> str:
    """Damaged UTF-8 or CP932, by bytes that begin with the first that is not ASCII: hardly any CP932 text reads as UTF-8 by chance."""
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
        raise no_text(file_name)


def no_text(file_name: str) -> InvalidInput:
    """The refusal of a file that holds what no text does."""
    return InvalidInput(
        f"{file_name}: 文字のファイルではありません。", hint="CSV(CP932 または UTF-8)または .xlsx が必要です。", code="wrong_kind"
    )


def encoding_of(parts: Iterable[bytes], declared: str = "auto") -> str:
    """The encoding of a file given piece by piece: utf-8 (with or without BOM) or cp932, as declared or found out.

    A file that can be read as UTF-8 to its end is UTF-8; of others the first text that is not ASCII decides.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample = b""
    is_utf8 = True
    for number, part in enumerate(parts):
        if number == 0 and part.startswith(codecs.BOM_UTF8):
            return "utf-8"
        if declared != "auto":
            return declared
        if len(sample) < _SAMPLE:
            found = _NOT_ASCII.search(part) if not sample else None
            sample += part[found.start() :][:_SAMPLE] if found else part[:_SAMPLE] if sample else b""
        if is_utf8:
            try:
                decoder.decode(part)
            except UnicodeDecodeError:
                is_utf8 = False
        if not is_utf8 and len(sample) >= _SAMPLE:
            break
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    return "utf-8" if is_utf8 else _likelier(sample[:_SAMPLE])


def decode_part(data: bytes, encoding: str) -> Decoded:
    """Text of a piece of a file that does not end within a character; a BOM at its begin is let go.

    Line ends are LF, or all CRLF in a text without quotes, which every reader of lines takes as they are.
    """
    returns = data.count(b"\r")
    if returns and (b'"' in data or returns != data.count(b"\r\n")):
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return _lenient(data.removeprefix(codecs.BOM_UTF8), encoding)


def refuse_unreadable(lost: int, characters: int, file_name: str) -> None:
    """Raises InvalidInput when more than 1 % of a file's characters belong to no encoding we know."""
    if lost > max(20, _MAX_BAD_SHARE * characters):
        raise InvalidInput(
            f"{file_name}: 文字コードを判別できません。", hint="CP932(Shift_JIS)または UTF-8 で保存し直してください。", code="bad_encoding"
        )


def decode(data: bytes, file_name: str, encoding: str = "auto") -> Decoded:
    """Text of a CSV file, line ends as `decode_part` leaves them: UTF-8 with or without BOM, or CP932 with the vendors' characters, as
    declared or found out.

    Raises InvalidInput when more than 1 % of the characters belong to neither.
    """
    refuse_wrong_kind(data, file_name)
    found = decode_part(data, encoding_of([data], encoding))
    refuse_unreadable(len(found.lost), len(found.text), file_name)
    return found
