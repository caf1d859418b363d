"""Promises to pay: made in a conversation, settled by payments.

state    what a promise may become, and what payments make of it (pure)     service  making, settling, cancelling
"""
