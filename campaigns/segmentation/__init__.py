"""Which channel each debtor gets, and why: rules as data, one statement for all debtors.

rules       what a rule set is, and its plain reference meaning (pure)     attributes  what rules may ask about
documents   rule sets as JSON, refused with the position of the mistake    compile     rule set → one SQL statement
defaults    the founding case's rules                                      reasons     codes in words
"""
