"""Campaigns: a run through the list under one rule set.

state    what a campaign's status may become      service  campaigns: make, find, start, pause, finish, plan
rulesets the rule sets campaigns follow           explain  why one debtor is, or is not, contacted
ladder   steps from channel to channel (pure)     ladder_cases  the same as branches that rules run in SQL
cycles   a campaign's cycles as dates (pure)      conduct  ladder and cycle as a campaign's settings
position where a campaign and a debtor stand
"""
