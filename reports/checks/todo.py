"""What to do about a broken check, where several say the same."""

from __future__ import annotations

from reports.words import Words

TELL_MAINTENANCE = Words(
    "この出力を添えて保守に連絡し、原因が分かるまで架電と送信を止める",
    "stop calls and messages, and pass this output on to whoever maintains the system",
)
SEE_THE_DIALER = Words(
    "`callcenter dial` が動いているか確かめ、通信事業者の記録と突き合わせる",
    "see that `callcenter dial` runs, and compare with the carrier's records",
)
SEE_THE_SCHEDULE = Words(
    "`callcenter schedule` と `callcenter work` が動いているか確かめる",
    "see that `callcenter schedule` and `callcenter work` run",
)
LOAD_AGAIN = Words(
    "名簿と入金の最新のファイルを読み込み直す。続くときは保守に連絡する",
    "load the latest list and payments again; if it stays, tell whoever maintains the system",
)
JUDGE_AGAIN = Words(
    "`callcenter schedule` が毎晩動いているか確かめる(約束と分納の判定)",
    "see that `callcenter schedule` runs every night: it judges promises and plans",
)
