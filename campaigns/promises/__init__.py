"""Promises to pay: made in a conversation, judged by payments.

state    what a promise may become      service  making and cancelling      settle  whether it was kept
"""
