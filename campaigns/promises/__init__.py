"""Promises to pay: made in a conversation, judged by payments.

state    what a promise may become      moving   the one way from state to state    terms  grace, threshold, posting lag
service  making and cancelling          settle   whether it was kept
"""
