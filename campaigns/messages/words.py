"""Why somebody is not in a batch, or was not reached by it, in words."""

from __future__ import annotations

from collections.abc import Mapping

from campaigns.attempts.codes import OUTCOME_EN, OUTCOME_JA, Outcome
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.messages.senders.troubles import TROUBLES, Trouble

OWN: Mapping[str, tuple[str, str]] = {
    "same_number": ("同じ番号の人がすでに入っている", "Somebody with the same number is in the batch already"),
    "already_queued": ("すでに待ちの案件がある", "Waits in another batch or call list already"),
    "cycle_budget": ("この周期の回数を使い切った", "The attempts of this cycle are used up"),
    "no_text": ("差し込み項目がないか、文面が送れない", "A field is missing, or the text may not go out"),
    "window_passed": ("送れる時間が過ぎた", "The window passed"),
    "not_released": ("承認されないまま時間が過ぎた", "Nobody released it before the window passed"),
    "batch_cancelled": ("一括を取り消した", "The batch was cancelled"),
    "campaign_finished": ("計画を終えた", "The campaign was finished"),
    "cycle_ended": ("周期が終わった", "The cycle ended"),
    "part_paid": ("一部の納付があった", "Part was paid"),
    "not_handed_over": ("送信事業者に記録がない(送られていない)", "The provider knows nothing of it (not sent)"),
    "no_answer_recorded": ("応答が記録されていない(照会中)", "No answer on record (being asked)"),
    "send_unknown": ("応答がなかった(照会中)", "No answer came (being asked)"),
    "instalment_plan": ("分納の約束がある", "There is an instalment plan"),
    "tries_exhausted": ("試みの回数を使い切った", "All tries were made"),
    "step_used_up": ("手順の回数を使い切った", "The step's tries are used up"),
    "lease_expired": ("途中で止まり、戻された", "Broke off and was put back"),
    "number_dead": ("番号が使われていない", "The number is out of service"),
    "window_full": ("今日の時間に入り切らなかった", "Did not fit into the window"),
    "no_window": ("送れる時間がない", "No contact window is in sight"),
    "no_callback_number": ("折り返しの番号が登録されていない", "The office has no call-back number"),
    "bad_template": ("文面が送れない", "The text may not go out"),
    "another_round": ("時間帯を変えてもう一度かける", "Another round in another part of the window"),
}


def reason_words(code: str, lang: str = "ja") -> str:
    """A reason in words, in `ja` or `en`; a code that has none is shown itself."""
    is_en = lang == "en"
    if code in OWN:
        return OWN[code][is_en]
    if code in set(DenialReason):
        return denial_text(DenialReason(code), lang)
    if code in set(Trouble):
        told = TROUBLES[Trouble(code)]
        return told.en if is_en else told.ja
    if code in set(Outcome):
        return (OUTCOME_EN if is_en else OUTCOME_JA)[Outcome(code)]
    return code
