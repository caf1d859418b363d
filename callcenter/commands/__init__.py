"""One module per command; each registers itself on the Typer app in `callcenter.cli`.

runtime     opens the stores, finds the office, prints one JSON document or lines for people
"""
