"""The metrics of what calling brings and costs, declared like the others: beside what was paid, what those paid who were left alone."""

from __future__ import annotations

from reports.metrics import Metric, Unit
from reports.words import Words

COLLECTED_DAYS = 14
ARM_DAYS = 28
USUAL = Words("コールセンターで用いられる通例の定義", "Usage of call centers")
FOUNDING = Words(
    "先行自治体の計算: 委託料から減った事務費を引き、収入と比べる",
    "A founding office's reckoning: contract less administration saved, against revenue",
)
DRAWN = Words("くじで分けた群の比較(無作為化比較)", "Comparison of arms drawn by lot (randomised)")
BY_CONTACT = Words(
    f"期間内の接触のうち最後のものの日から{COLLECTED_DAYS}日以内の納付(取消を除く)。連絡がなくても納付された分を含むため、"
    "効果は何もしない群の額と比べる。",
    f"Payments net of reversals within {COLLECTED_DAYS} days of the person's last contact in the period. Some would have paid anyway:"
    " compare the amount of the arm that was left alone.",
)
BY_CONTRACT = Words(
    "「費用と効果」に入れた年度の額を日数で割り振る。まだ来ていない日の分は含まない。"
    "手段と業務には分けられないため、電話催告かすべての手段で、業務で絞らないときだけ分かる。",
    "The amounts entered under Cost and effect, shared out by days; days to come cost nothing yet. They can't be shared out among channels"
    " and campaigns: known for operator calls or all channels, and all campaigns.",
)
BY_ARM = Words(
    f"期間に群に入り、その後{ARM_DAYS}日がすでに過ぎた人の、その{ARM_DAYS}日間の納付(取消を除く)。何もしない群のある実験のうち、人の最も多いもの。"
    "手段と業務では分けない。",
    f"Payments net of reversals within {ARM_DAYS} days of coming into an arm, of persons who came in the period and whose days are over;"
    " of the largest experiment with an arm left alone. Not shared out among channels and campaigns.",
)

COLLECTED = Metric(
    "collected_after_contact",
    Words("接触後の納付額", "Collected after contact"),
    Words(f"接触から{COLLECTED_DAYS}日以内の納付額", f"yen paid within {COLLECTED_DAYS} days of a contact"),
    None,
    Unit.YEN,
    BY_CONTACT,
    1,
    USUAL,
)
CONTRACT_COST = Metric(
    "contract_cost",
    Words("委託の費用", "Contract cost"),
    Words("委託料から減った事務費を引いた額の、期間の日数の分", "contract less administration saved, for the days of the period"),
    None,
    Unit.YEN,
    BY_CONTRACT,
    2,
    FOUNDING,
)
COST_PER_YEN = Metric(
    "cost_per_yen_collected",
    Words("納付1円当たりの費用", "Cost per yen collected"),
    CONTRACT_COST.name,
    COLLECTED.name,
    Unit.YEN_PER_YEN,
    BY_CONTRACT,
    2,
    FOUNDING,
    "contract_cost",
    "collected_after_contact",
)


def _of_arm(code: str, ja: str, en: str) -> tuple[Metric, Metric, Metric]:
    """Persons, yen, and yen a person of one side of an experiment."""
    persons = Words(f"{ja}の人数", f"Persons {en}")
    yen = Words(f"{ja}の納付額", f"Collected from persons {en}")
    each = Words(f"{ja}の1人当たり納付額", f"Collected a person {en}")
    counted = Words(f"実験の{ja}に入った人数", f"persons of the experiment {en}"), Words(f"{ja}の納付額の合計", f"yen paid by persons {en}")
    return (
        Metric(f"{code}_persons", persons, counted[0], None, Unit.PERSONS, BY_ARM, 1, DRAWN),
        Metric(f"{code}_yen", yen, counted[1], None, Unit.YEN, BY_ARM, 1, DRAWN),
        Metric(f"{code}_yen_per_person", each, yen, persons, Unit.YEN_PER_PERSON, BY_ARM, 1, DRAWN, f"{code}_yen", f"{code}_persons"),
    )


WORKED = _of_arm("worked_arm", "働きかけた群", "worked on")
IDLE = _of_arm("idle_arm", "何もしない群", "left alone")
ATTRIBUTED = Metric(
    "attributed_yen",
    Words("働きかけによる納付額", "Collected by calling"),
    Words(
        "働きかけた群の人数×(働きかけた群の1人当たり納付額−何もしない群の1人当たり納付額)",
        "persons worked on × (yen a person worked on − yen a person left alone)",
    ),
    None,
    Unit.YEN,
    BY_ARM,
    1,
    DRAWN,
)
MONEY = (COLLECTED, CONTRACT_COST, COST_PER_YEN, *WORKED, *IDLE, ATTRIBUTED)
