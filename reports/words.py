"""Texts in both languages, for what reports say about themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages."""

    ja: str
    en: str

    def in_language(self, lang: str) -> str:
        """The text in `lang` (ja or en)."""
        return self.en if lang == "en" else self.ja

    @property
    def pair(self) -> tuple[str, str]:
        """Japanese and English."""
        return self.ja, self.en
