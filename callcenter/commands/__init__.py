"""One module per command; each is named in the table of `callcenter.cli`, which imports only the one that is called.

runtime     opens the stores, finds the office, prints one JSON document or lines for people
"""
