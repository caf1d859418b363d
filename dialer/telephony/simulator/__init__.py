"""A carrier without a telephone: for trying, training, accelerated simulation and tests.

town        who answers when, by published rates, pure       course      what will come of a call handed over, pure
walk        how somebody gets through a robocall, pure       future      a heap of what is not due yet
carrier     the port, over that heap                         truth       what truly happened to each call
operators   operators that work by themselves                day         a whole day in virtual time
sound       what a simulated call records
"""
