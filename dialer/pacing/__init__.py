"""How many calls to place now.

decision.py   PacingSnapshot -> PacingDecision, pure       budget.py    what abandoned calls may be, and the price learned from it
odds.py       the odds that an answer finds nobody          learning.py  hazards of lines and operators, from what was seen
"""

from dialer.pacing.budget import Budget
from dialer.pacing.decision import PacingDecision, PacingSnapshot, Why, decide

__all__ = ["Budget", "PacingDecision", "PacingSnapshot", "Why", "decide"]
