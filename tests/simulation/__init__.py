"""Whole shifts of the real dialer on the real database, in virtual time, with faults; one seed decides everything that happens.

plan      what a seed means: people, rules, faults      world   true time, the machine's clock, what will happen
network   the simulated telephone network and carrier    people  operators, the office and its supervisor
faults    what happens at the named points               shift   runs a plan from sign-in to the last result
log       what the network noted                         checker judges log and database, shares nothing with the product
afterwards the checker's part about a fault's end        soak    any number of seeds, `make soak`
bugs      faults of the product itself, planted
"""
