"""A carrier without a telephone: for trying, training, accelerated simulation and tests.

town        who answers when, by published rates, pure       carrier     the port, over a heap of events
operators   operators that work by themselves                day         a whole day in virtual time
sound       what a simulated call records
"""
