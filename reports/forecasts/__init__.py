"""How many calls a half hour will hold, and how many people will call back.

models   what each half hour of a past day held   counting   the job that counts days that are over
method   the forecast, its error bars and its test against the past, pure
"""
