"""Calls that come in at the published number: who may be calling, who takes it, who waits, and what is owed to whom nobody took."""
