"""What a person reads for an error's code, where the room that raised it speaks to programs or in one language only."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.core.errors import AppError
from callcenter.web import officer_words

PROBLEMS: Mapping[str, tuple[str, str]] = {
    **officer_words.PROBLEMS,
    "promise_date": ("約束日は、今日から1年以内の日にしてください。", "The promised day must be today or later, within a year."),
    "promise_date_missing": ("約束日を選んでください。", "Choose the promised day."),
    "promise_amount": ("約束の金額は、1円以上にしてください。", "The promised amount must be more than 0 yen."),
    "promise_amount_missing": ("約束の金額を入れてください。", "Enter the promised amount."),
    "promise_amount_over": ("約束の金額が未納の合計を超えています。", "The amount is more than what is owed."),
    "promise_missing": ("約束には、金額と日付が要ります。", "A promise needs an amount and a day."),
    "outcome_missing": ("交渉結果を選んでください。", "Choose a result."),
    "party_not_verified": (
        "本人と確かめられていないため、この結果は記録できません。",
        "The person was not verified: this result can't be recorded.",
    ),
    "outcome_does_not_fit_party": ("この応対者では、その結果を記録できません。", "That result does not fit whoever answered."),
    "callback_time_missing": ("掛け直す日と時刻を入れてください(時刻は 14:30 のように)。", "Enter day and time of the call-back (14:30)."),
    "callback_time": ("掛け直す日時は、60日以内の先の時刻にしてください。", "The call-back must lie within the next 60 days."),
    "callback_outside_hours": ("その時刻は架電の時間外です。", "That time is outside the contact hours."),
    "note_too_long": ("メモは2,000文字までです。", "The note may have 2,000 characters."),
    "already_recorded": ("この案件の結果は、すでに記録されています。", "The result of this case has been recorded."),
    "agent_state": ("今の状態からは、その操作はできません。", "That is not possible in the present state."),
    "not_signed_in": ("まだ待機を始めていません。「待機にする」を押してください。", "You have not started work. Press ready."),
    "bad_pause_reason": ("離席の理由を選んでください。", "Choose a reason to pause."),
    "not_ready": ("待機にしてから、次の案件を見てください。", "Become ready first."),
    "no_case": ("見ている案件はありません。", "There is no case before you."),
    "gate_refused": (
        "いまは、この方に掛けられません。理由は記録されています。",
        "This person may not be called now; the reason is on record.",
    ),
    "no_tries_left": ("照合は3回までです。", "There are no more tries."),
    "not_verified": ("まだ本人と確かめられていません。", "The person is not verified yet."),
    "nothing_said": ("相手が言った内容を入れてください。", "Enter what the caller said."),
    "bad_date": ("日付として読めません。例: S55.4.3、19800403", "That can't be read as a date. For example 19800403."),
    "bad_address": ("住所として読めません。例: 本町2-3-4", "That can't be read as an address."),
    "other_console": ("別の画面で操作中です。", "Another page is in charge."),
    "other_attempt": ("画面の案件が変わっています。", "The case has changed meanwhile."),
    "no_attempt": ("その案件はありません。", "There is no such case."),
    "wrap_up_limit": ("後処理はこれ以上延ばせません。", "The wrap-up can't be extended any further."),
    "branch": ("相手の返事を選んでください。", "Choose the caller's answer."),
    "four_eyes": (
        "最後に編集した人は、有効にできません。別の管理者に頼んでください。",
        "Whoever edited a version last does not activate it. Ask another supervisor.",
    ),
    "no_note": ("理由を書いてください。", "Give a reason."),
    "no_trial": ("いまの内容の試算をしてから、有効にしてください。", "Run a dry run of the present contents first."),
    "no_rule_set": ("その規則の版はありません。", "There is no such version."),
    "not_draft": ("この版は、もう案ではありません。", "This version is no draft any more."),
    "not_proposed": ("この版は、承認待ちではありません。", "This version does not wait for approval."),
    "nothing_to_undo": ("元に戻せる変更がありません。", "There is nothing to undo."),
    "no_rule": ("その規則はありません。", "There is no such rule."),
    "csrf": ("このフォームは確認できませんでした。ページを開き直してください。", "The form could not be confirmed. Open the page again."),
    "role": ("この役割ではできません。", "Your role does not permit this."),
    "last_administrator": ("最後の管理者は停止できません。", "The last administrator can't be disabled."),
    "name_taken": ("そのサインイン名は使われています。", "That name is taken."),
    "bad_name": ("サインイン名は、半角の英数字と . _ @ - で2〜80文字です。", "A sign-in name has 2 to 80 letters, digits and . _ @ -."),
    "not_rehearsed": ("このファイルは、確認の済んだものではありません。", "This file has not been checked."),
    "already_taken": ("このファイルは、すでに取り込みました。", "This file was taken in already."),
    "stale_rehearsal": (
        "確認のあとに、別のファイルが取り込まれました。「もう一度確認する」で比べ直してください。",
        "Another file was taken in after this check. Check again.",
    ),
    "negative_amount": ("金額が負の数です。", "The amount is negative."),
    "fraction_amount": ("金額に小数があります。", "The amount has a fraction."),
    "bad_amount": ("金額として読めません。", "That can't be read as an amount."),
    "why_missing": ("理由を入れてください。", "Give a reason."),
    "why_long": ("理由は200文字までです。", "The reason may have 200 characters."),
    "phone_source": ("入手元を選んでください。", "Choose where the number came from."),
    "phone_unreadable": (
        "電話番号として読めません。市外局番から入れてください(例: 03-1234-5678)。",
        "That can't be read as a number. Begin with the area code (03-1234-5678).",
    ),
    "phone_line": ("掛けられない種類の番号です。", "That kind of number can't be called."),
    "phone_known": ("その番号はもう登録されています。", "That number is there already."),
    "phone_status": ("状態を選んでください。", "Choose a state."),
    "phone_same": ("その番号は、すでにその状態です。", "The number is in that state already."),
    "no_phone": ("その番号はありません。", "There is no such number."),
    "no_debtor": ("その対象者はいません。", "There is no such person."),
    "no_hold": ("その停止はありません。", "There is no such hold."),
    "hold_reason": ("連絡を止める理由を選んでください。", "Choose why."),
    "hold_channel": ("手段を選んでください。", "Choose a channel."),
    "hold_until": ("終わりの日は、今日から3年以内にしてください。", "The last day must lie within three years from today."),
    "hold_until_unreadable": ("終わりの日を読めません。例: 2026-12-31", "The last day can't be read. For example 2026-12-31."),
    "hold_over": ("その停止は、もう終わっています。", "That hold is over."),
    "officers_only": ("徴税吏員の対応中とする・解くのは職員だけです。", "Only tax officers may do that."),
    "bad_mark": ("続きの場所を読めません。ページを開き直してください。", "That place can't be read. Open the page again."),
    "search_empty": ("探す言葉を入れてください。", "Enter what to search for."),
    "search_long": ("言葉が長すぎます。80文字までです。", "That is too long: 80 letters at most."),
    "search_least": ("未納額の下限を金額として読めません。", "The lower amount can't be read."),
    "search_most": ("未納額の上限を金額として読めません。", "The upper amount can't be read."),
    "amounts_swapped": ("未納額の下限が上限を超えています。", "The lower amount is more than the upper one."),
    "too_many_searches": ("短い時間に多く探しました。1分ほど待ってください。", "Too many searches. Wait a minute."),
    "recording_reason": ("聞く理由を選んでください。", "Choose a reason to hear it."),
    "recording_note": ("「その他」では、理由を5文字以上で書いてください。", "Write the reason down, 5 characters or more."),
    "recording_not_stored": ("この録音は聞けません。", "This recording can't be heard."),
    "recording_kept": (
        "残す理由のある録音は消せません。先に「残すのをやめる」を押してください。",
        "It is kept on purpose. Lift that first.",
    ),
    "recording_why": ("消す理由を5文字以上で書いてください。", "Write down why, 5 characters or more."),
    "recording_key": (
        "録音の鍵がこの機械にありません。管理者に知らせてください。",
        "The key of recordings is not on this machine. Tell the administrator.",
    ),
    "recording_unreadable": (
        "保存した録音を読めません。管理者に知らせてください。",
        "The stored recording can't be read. Tell the administrator.",
    ),
    "keep_days": ("残す日数は、1〜3650の整数です。", "Days kept: a whole number from 1 to 3650."),
    "open_minutes": ("開いて聞ける分数は、1〜480の整数です。", "Minutes open: a whole number from 1 to 480."),
    "notice": ("案内のしかたを選んでください。", "Choose how the debtor is told."),
    "mode": ("モニターのしかたを選んでください。", "Choose what to do."),
    "no_leg": ("この担当の電話がつながっていません。", "This operator's phone is not connected."),
    "not_talking": ("いまは会話していません。会話が始まってから押してください。", "There is no conversation now."),
    "no_phone_set": (
        "あなたの電話機が登録されていません。管理者に、電話の設定を頼んでください。",
        "No phone is set for you. Ask the administrator to set one.",
    ),
    "supervision_not_supported": (
        "いまの回線では、モニターできません(Asterisk が要ります)。",
        "The carrier in use can't do this; it needs Asterisk.",
    ),
    "too_many_views": ("短い時間に多くの対象者を開きました。1分ほど待ってください。", "Too many cases were opened. Wait a minute."),
}
FIELDS: Mapping[str, str] = {
    "promise_date": "promise-other-on",
    "promise_date_missing": "promise-other-on",
    "promise_amount": "promise-other-amount",
    "promise_amount_missing": "promise-other-amount",
    "promise_amount_over": "promise-other-amount",
    "negative_amount": "promise-other-amount",
    "fraction_amount": "promise-other-amount",
    "bad_amount": "promise-other-amount",
    "callback_time": "callback-at",
    "callback_time_missing": "callback-at",
    "callback_outside_hours": "callback-at",
    "note_too_long": "memo",
    "no_note": "note",
}


def told(problem: AppError, lang: str) -> tuple[str, str]:
    """Message and hint for a person; a hint in another language than the page's is left out."""
    if problem.code not in PROBLEMS:
        return problem.message, problem.hint
    is_japanese = any("ぁ" <= letter <= "龥" for letter in problem.hint)
    return PROBLEMS[problem.code][lang == "en"], problem.hint if is_japanese == (lang == "ja") else ""
