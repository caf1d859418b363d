"""The database's invariants as named checks; `callcenter verify` runs them all."""
