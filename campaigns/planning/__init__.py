"""Campaigns: a run through the list under one rule set.

state    what a campaign's status may become      service  campaigns: make, find, start, pause, finish, plan
rulesets the rule sets campaigns follow           explain  why one debtor is, or is not, contacted
"""
