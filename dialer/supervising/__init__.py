"""Supervisors at an operator's conversation: listening, prompting, joining, taking over.

models     one row per use              service    what supervisors ask for
carrying   what the dialer carries out  queries    who is with whom, for board and console
"""
