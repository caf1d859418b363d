"""Why a case goes to a tax officer, or one is asked on the line; before anybody is verified only reasons that tell nothing."""

from __future__ import annotations

from callcenter.web.operator_stage import Scene

REASONS: dict[str, tuple[str, str]] = {  # why an officer is asked: those of escalations
    "instalment": ("分納の相談", "Instalments"),
    "hardship": ("納付困難・相談希望", "Hardship"),
    "refusal": ("拒否・異議", "Refusal"),
    "dispute": ("内容不服", "Dispute"),
    "complaint": ("苦情", "Complaint"),
    "language": ("言語対応", "Language"),
    "vulnerable": ("要配慮", "Special care"),
}
NEUTRAL_REASONS = ("complaint", "language", "vulnerable")


def reasons_for(scene: Scene) -> list[str]:
    """Why an officer may be asked now."""
    return [reason for reason in REASONS if scene.is_verified or reason in NEUTRAL_REASONS]
