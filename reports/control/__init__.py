"""Watching the figures: what they should reach, when they leave what is usual for them, what was decided, and what came of it.

models    targets, cycles, alerts, decisions        limits    control charts and before/after, pure
series    a figure's points by day, week or month   service   setting targets and cycles, deciding, seeing alerts
checking  the periodic look at every watched figure
"""
