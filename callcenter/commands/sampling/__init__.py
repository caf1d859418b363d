"""Made-up files of all layouts for a fictional city, with the truth about them.

draws      random numbers that a seed decides, whole columns at a time     words     names, places, taxes: all invented
people     debtors, households, telephone numbers                          debts     the delinquent list and its bad rows
history    past attempts and promises                                      payments  postings after the list's date
past       what was paid before the list             loading   the demo's months before, through the doors
truth      what must come out, computed from the columns alone             writing   files and manifest
"""
