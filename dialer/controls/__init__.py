"""What an operator does with a line: mute, hold, keys, and talking to a tax officer before handing over.

models.py    LineOrder, Consultation      service.py    what the console asks for
state.py     what may be asked when       queries.py    what the console shows
carrying.py  the dialer carries it out    consults.py   what the officer's line tells
"""
