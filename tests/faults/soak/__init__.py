"""Messages through a provider that misbehaves, while every process is killed at random; judged by a checker that shares no code with us.

provider  the fake provider, a process of its own with a log that survives it     town     offices, debtors, batches
cluster   the processes, forked from one that has everything imported              chaos    who is killed when, from a seed
checker   reads the provider's log and the database, and nothing else of ours      bugs     planted mistakes, behind a test-only switch
run       one whole run
"""
