"""What the office's core systems must be told: an outbox row in the transaction of each fact, passed on by connectors.

outbox    leaving a fact, and what a target has not acknowledged yet     connectors/  ways to pass it on
"""
