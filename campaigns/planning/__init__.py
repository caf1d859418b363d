"""Campaigns: a run through the list under one rule set.

state    what a campaign's status may become      service  campaigns: make, find, start, pause, finish, plan
rulesets the rule sets campaigns follow           explain  why one debtor is, or is not, contacted
ladder   steps from channel to channel as data    standing where a debtor stands on them (pure)
ladder_cases  the same as branches for SQL        conduct  ladder, cycles and retries as a campaign's settings
cycles   a campaign's cycles as dates (pure)      turning  opening and closing them
position where campaign and debtor stand now
"""
