"""Which channel each debtor gets, and why: rules as data, set-based SQL for all debtors.

conditions  comparisons and their nesting, with their plain meaning (pure)    rules        rule sets and what they mean (pure)
experiments champion and challenger: arms by a stable lottery (pure)          defaults     the founding case's rules
attributes  everything rules may ask about; debt_, person_, history_ and      kinds        what an attribute is: type, unit, words
            cycle_attributes hold them, parameters what they take             query        joins and columns as they are asked for
documents   rule sets as JSON; reading, reading_conditions, reading_values    problems     what is wrong with one, and where
            refuse every mistake with its position                            reasons      codes in words
compile     rule set → SQL                  sources  the tables behind it     facts        one debtor's values
"""
