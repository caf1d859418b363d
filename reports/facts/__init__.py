"""Counts of past days kept ready, so that reports need not read every attempt again.

models  the tables            build  a day's facts from its raw rows, weeks and months from days, and the job that keeps them up
read    what facts can answer of a question, and for which days the raw rows are needed still
calls   the calls of each day as columns of numbers, for questions that no fact sums up
ranges  the same by ranges of debtors, for telling persons apart

A fact is a function of the raw rows of its day and can be made anew at any time. A change of a day that was counted leaves a mark (by a
trigger of the database, so that nobody can forget it); marked days, and today, are counted from the raw rows until they are built again.
So a report is right at every moment, and facts only make it quick.
"""
