"""The arms of an experiment compared.

queries   who came into which arm, and what happened in the days after   compare   differences, what they are worth, what they cost: pure
"""
